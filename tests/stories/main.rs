//! Stories: the whole house, in memory of no server but the database, told on SQLite and on PostgreSQL.
//!
//! PostgreSQL is the private one of `tests/support/postgres.sh`, named by `BEADLE_TEST_POSTGRES`; where that is not set
//! the stories begin one themselves.

mod accounts;
mod answers;
mod browser;
mod calls;
mod campaigns;
mod councils;
mod dataset;
mod decisions;
mod desk_browser;
#[path = "../wires/emulator.rs"]
mod emulator;
mod faults;
mod first_use;
mod form;
mod hand_over;
mod house;
mod joins;
mod killed;
mod languages;
mod learning;
mod letters;
mod logs;
mod looks;
mod matching;
mod one_story;
mod people;
mod personal;
mod places;
mod posts;
mod private;
mod roles;
mod splits;
#[path = "../wires/stack.rs"]
#[expect(dead_code, reason = "the wires use more of it")]
mod stack;
mod store;
mod telegram;
mod telegram_killed;
mod texts;
mod trail;
mod understanding;
mod undo;
mod unsent;
