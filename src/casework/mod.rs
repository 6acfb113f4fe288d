//! Cases: is it known already, open it, join and undo.

pub mod join;
pub mod matching;
pub mod open;
