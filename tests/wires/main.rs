//! The wires against real servers: Dovecot and an SMTP relay, both private to the tests (`tests/support/mailstack.sh`),
//! and an emulator of Telegram's (`tests/support/telegram`).
//!
//! What no real server does on demand (closing a connection in the middle, stumbling over one message) is done by the
//! small ones in `fake.rs` and `web.rs`. What others must be able to read is shown to their own code (`python.rs`).

mod accept;
mod emulator;
mod fake;
mod imap;
mod imap_misbehaving;
mod mailbox_folder;
mod notify;
mod python;
mod smtp;
mod smtp_misbehaving;
mod stack;
mod telegram;
mod telegram_misbehaving;
mod twilio;
mod web;
mod whereabouts;
