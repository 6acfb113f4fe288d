//! Where a person says that a case is, as their form says it.

use crate::core::place::PlaceSource;
use crate::core::{Place, Point};
use crate::desk::place::Corrected;
use crate::portal::Shared;
use crate::portal::trouble::Trouble;
use crate::store::case::Case;

/// What stands for "nothing better is known".
pub(in crate::portal) const NOWHERE: &str = "#none";
/// Longest place that is taken, in characters.
const LONGEST: usize = 200;

/// What stands for one of the places that may be meant as well, counted from one.
pub(in crate::portal) fn alternative(number: usize) -> String {
    format!("#{number}")
}

/// What a form says of the place; none where it says nothing. Words that name a place in the council's lists are that place, with its
/// point and ward; others stand as they were written, with the ward that they name.
pub(super) fn said(app: &Shared, case: &Case, form: &str) -> Result<Option<Corrected>, Trouble> {
    let form = form.split_whitespace().collect::<Vec<_>>().join(" ");
    if form.is_empty() {
        return Ok(None);
    }
    if form == NOWHERE {
        return Ok(Some(Corrected::Nowhere));
    }
    if form.chars().count() > LONGEST {
        return Err(Trouble::bad(format!("Say where it is in at most {LONGEST} characters.")));
    }
    if let Some(number) = form.strip_prefix('#').and_then(|number| number.parse::<usize>().ok()) {
        let known = case.place.as_ref().map(|place| &place.0);
        let meant = known.and_then(|place| place.alternatives.get(number.checked_sub(1)?));
        let meant = meant.ok_or_else(super::grown_old)?;
        let place = chosen(meant.name.clone(), PlaceSource::Gazetteer, meant.point, meant.ward.clone());
        return Ok(Some(Corrected::Here(place)));
    }
    let places = app.portal.pipeline.understanding.places();
    let found = places.find(&form, &[]).into_iter().next();
    Ok(Some(Corrected::Here(match found {
        Some(Place { name, source, point, ward, .. }) => {
            // A house number or "opposite the school" says more than the name in the list.
            let name = if form.eq_ignore_ascii_case(&name) { name } else { format!("{form} ({name})") };
            chosen(name, source, point, ward)
        }
        None => {
            let ward = places.wards_named(&form).first().map(|ward| (*ward).to_owned());
            chosen(form, PlaceSource::Person, None, ward)
        }
    })))
}

/// What a person says is sure.
const fn chosen(name: String, source: PlaceSource, point: Option<Point>, ward: Option<String>) -> Place {
    Place { words: String::new(), name, source, point, ward, confidence: 1.0, alternatives: Vec::new() }
}
