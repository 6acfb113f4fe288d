//! Taking messages in: stored before anything else, then who wrote, is it automatic, which thread does it belong to.

pub mod accept;
pub mod automatic;
pub mod call;
pub mod fold;
pub mod form;
pub mod mime;
pub mod photo;
pub mod sender;
pub mod talk;
pub mod telegram;
pub mod text;
pub mod texts;
pub mod threads;
