//! Stories: the whole house, in memory of no server but the database, told on SQLite and on PostgreSQL.
//!
//! PostgreSQL is the private one of `tests/support/postgres.sh`, named by `BEADLE_TEST_POSTGRES`; where that is not set
//! the stories begin one themselves.

mod accounts;
mod answers;
mod dataset;
mod decisions;
mod faults;
mod house;
mod killed;
mod languages;
mod learning;
mod letters;
mod logs;
mod people;
mod places;
mod posts;
mod splits;
#[path = "../wires/stack.rs"]
#[expect(dead_code, reason = "the wires use more of it")]
mod stack;
mod store;
mod texts;
mod understanding;
