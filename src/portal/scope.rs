//! Whose cases and figures the person who is signed in may see: the one place where that is decided.

use super::trouble::Trouble;
use crate::core::{Council, Reach, Right};
use crate::store::report::Scope;
use crate::store::session::Session;

/// What somebody may see by a right: everything, or what belongs to a councillor: of several the one in `wanted`, else the first.
pub(super) fn scope(session: &Session, right: Right, wanted: &str) -> Scope {
    match session.reach(right) {
        Reach::All => Scope::All,
        Reach::Councillors(keys) => {
            let one = keys.iter().find(|key| *key == wanted).or_else(|| keys.first());
            // Who has no such role sees nobody's.
            Scope::Councillor(one.cloned().unwrap_or_default())
        }
    }
}

/// Whether a ward's cases are among what may be seen.
pub(super) fn may_see_ward(scope: &Scope, council: &Council, ward: &str) -> bool {
    let is_it = |own: &String| own.eq_ignore_ascii_case(ward);
    match scope {
        Scope::All => true,
        Scope::Wards(wards) => wards.iter().any(is_it),
        Scope::Councillor(id) => council.councillor(id).is_some_and(|councillor| councillor.wards.iter().any(is_it)),
    }
}

/// Whether the cases that a councillor is told of are among what may be seen.
pub(super) fn may_see_councillor(scope: &Scope, councillor: &str) -> bool {
    match scope {
        Scope::All => true,
        Scope::Councillor(own) => own == councillor,
        Scope::Wards(_) => false,
    }
}

/// Said alike of what there is not and of what is not theirs, so that nobody learns which it is.
pub(super) fn not_there() -> Trouble {
    Trouble::not_found("There is no such list, or it is not yours to see.")
}
