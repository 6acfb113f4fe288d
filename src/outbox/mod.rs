//! What goes out: composed once with a stable Message-ID, sent outside any transaction, retried, never blindly resent.

mod campaign;
pub mod closing;
pub mod compose;
pub mod delay;
pub mod department;
pub mod dispatch;
mod letter;
pub mod private;
mod proof;
pub mod referral;
pub mod render;
pub mod short;
pub mod trail;
