//! beadle takes what residents write to their councillors, understands it, finds the case it belongs to, sends it to the
//! one who can act, and keeps both resident and councillor told.
//!
//! The rooms stand in the order of a message's way; `ARCHITECTURE.md` draws it. A layer imports only what is below it,
//! which `tests/layers.rs` checks.

pub mod core;

pub mod channels;
pub mod routing;
pub mod store;
pub mod understanding;

pub mod casework;
pub mod intake;
pub mod outbox;

pub mod collect;
pub mod desk;
pub mod pipeline;

pub mod learning;
pub mod portal;

pub mod app;
pub mod commands;
pub mod config;
pub mod telemetry;
