//! The portal as a browser meets it: a real server on this machine, a database of its own, real mails through the pipeline.

mod actions;
mod audit;
mod blocked;
mod campaign;
mod case;
mod closing;
mod consent;
mod councillor;
mod desk;
mod files;
mod guard;
mod health;
mod hooks;
mod joins;
mod learned;
mod list;
mod mail_pages;
mod postgres;
mod reports;
mod several;
mod sign_in;
mod who;
