//! The trained models of a folder: the services' in the folder itself, and in `hazard/` and `concern/` below it the two
//! that listen for danger, where they are.

use super::classifier::{Classifier, ModelError};
use std::path::Path;

/// The folder of the model of concern, and of its second look, in that of all models.
pub const CONCERN: &str = "concern";

/// Everything trained that takes part in a verdict.
#[derive(Clone, Debug)]
pub struct Models {
    /// Which service.
    pub service: Classifier,
    /// Whether somebody can be physically hurt soon.
    pub hazard: Option<Classifier>,
    /// Whether somebody's safety is a worry.
    pub concern: Option<Classifier>,
}

impl Models {
    /// Reads the models of `folder`, fitted on the encoder of this version.
    ///
    /// # Errors
    /// When the services' model is missing, or one that is there cannot be used.
    pub fn load(folder: &Path, encoder: &str) -> Result<Self, ModelError> {
        let beside = |name: &str| match Classifier::load(&folder.join(name), encoder) {
            Ok(model) => Ok(Some(model)),
            Err(ModelError::Missing(_)) => Ok(None),
            Err(broken) => Err(broken),
        };
        Ok(Self { service: Classifier::load(folder, encoder)?, hazard: beside("hazard")?, concern: beside(CONCERN)? })
    }
}

impl From<Classifier> for Models {
    fn from(service: Classifier) -> Self {
        Self { service, hazard: None, concern: None }
    }
}
