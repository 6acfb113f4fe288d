//! The field's words: what a message, a case, a verdict or a reference is. No async, no input or output.

pub mod access;
pub mod call;
pub mod case;
pub mod clock;
pub mod code;
pub mod council;
pub mod ids;
pub mod language;
pub mod maps;
pub mod message;
pub mod place;
pub mod pointer;
pub mod reference;
pub mod square;
pub mod taxonomy;
pub mod token;
pub mod verdict;

pub use access::{Grant, Reach, Right, Role};
pub use call::HearBy;
pub use case::{Asked, CaseState, NoteKind, Party, Priority};
pub use clock::Clock;
pub use code::Code;
pub use council::{Council, Councillor};
pub use ids::{
    CaseId, ContactId, DecisionId, Ids, InboxId, LessonId, LinkId, MessageId, OutboxId, SamePersonId, UndoId, UserId,
};
pub use message::{Address, Attachment, Channel, ContactPoint, Mail, RawMessage, SenderCheck};
pub use place::{Alternative, PhotoPoint, Place, PlaceSource, Point, SharedPoint};
pub use pointer::{LookedUp, Pointer, PointsTo};
pub use reference::Reference;
pub use taxonomy::{AfterClosing, Department, Mode, Service, Taxonomy};
pub use token::TokenKey;
pub use verdict::{Disposition, Part, Verdict};
