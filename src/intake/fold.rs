//! stub
/// x
pub struct Folded { /// x
pub text: String, /// x
pub folded: String }
/// x
pub fn fold(t:&str)->Folded{Folded{text:t.into(),folded:String::new()}}
