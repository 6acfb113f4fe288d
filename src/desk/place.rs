//! Where a case is, as a person corrects it: ward, department and councillor follow, and who was told of another place hears of it.

use super::{Desk, DeskError};
use crate::core::Place;
use crate::routing;
use crate::store::case::Case;
use crate::store::{self, Tx};
use sqlx::types::Json;

/// Where a person says that a case is.
#[derive(Clone, Debug, PartialEq)]
pub enum Corrected {
    /// Here.
    Here(Place),
    /// What was found is wrong, and nothing better is known.
    Nowhere,
}

impl Corrected {
    /// Whether a case is elsewhere, or was less sure to be here.
    #[must_use]
    pub fn differs(&self, case: &Case) -> bool {
        match (self, &case.place) {
            (Self::Here(place), Some(known)) => *place != known.0,
            (Self::Nowhere, None) => case.ward.is_some(),
            (Self::Here(_), None) | (Self::Nowhere, Some(_)) => true,
        }
    }
}

impl Desk<'_> {
    /// Puts a case somewhere else. A department that it had by its service and ward follows; so does the councillor, unless the
    /// resident wrote to them.
    pub(super) async fn put_at(&self, tx: &mut Tx, case: &mut Case, corrected: &Corrected) -> store::Result<()> {
        let taxonomy = &self.composer.rules.taxonomy;
        let by_itself = |case: &Case| routing::department_for(taxonomy, &case.service, case.ward.as_deref()).to_owned();
        let followed = by_itself(case) == case.department;
        let place = match corrected {
            Corrected::Here(place) => Some(place.clone()),
            Corrected::Nowhere => None,
        };
        case.ward = place.as_ref().and_then(|place| place.ward.clone());
        case.place = place.map(Json);
        if followed {
            case.department = by_itself(case);
        }
        let of_ward = case.ward.as_deref().and_then(|ward| self.composer.council.councillor_of_ward(ward));
        if let Some(councillor) = of_ward {
            let written_to = store::message::councillors_of_case(tx, &case.id).await?;
            if !case.councillor.as_ref().is_some_and(|known| written_to.contains(known)) {
                case.councillor = Some(councillor.id.clone());
            }
        }
        Ok(())
    }

    /// Tells a department that was sent a case elsewhere where it is.
    pub(super) async fn tell_place(&self, tx: &mut Tx, case: &Case) -> Result<(), DeskError> {
        let words = match &case.place {
            Some(place) => format!("The place was corrected. It is: {}.", place.whereabouts()),
            None => "The place that stands in our mail is wrong. Where it is, is not known.".to_owned(),
        };
        self.composer.tell_department(tx, case, &words, self.now).await?;
        Ok(())
    }
}
