//! Cases: is it known already, open it, join and undo, split and undo.

pub mod campaign;
pub mod join;
pub mod likeness;
pub mod matcher;
pub mod matching;
pub mod open;
pub mod search;
pub mod sketch;
pub mod split;
