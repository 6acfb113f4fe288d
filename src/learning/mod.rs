//! From labelled messages to a trained model, and how good it is.

pub mod dataset;
pub mod evaluate;
pub mod sheet;
pub mod train;
