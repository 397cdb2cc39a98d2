//! An object that may be null, described as OpenAPI 3.0 has it: `nullable` holds beside a `type` only, so it says nothing beside a reference.

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde_json::Value;
use std::borrow::Cow;

/// An object, or null.
pub(crate) struct OrNull<T>(Option<T>);

impl<T> OrNull<T> {
    /// That of another kind of object, where there is one.
    pub(crate) fn of(object: Option<impl Into<T>>) -> Self {
        Self(object.map(Into::into))
    }
}

impl<T: Type> Type for OrNull<T> {
    const IS_REQUIRED: bool = false;

    type RawValueType = T::RawValueType;

    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        Option::<T>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        let null = MetaSchema { nullable: true, enum_items: vec![Value::Null], ..MetaSchema::new("object") };
        MetaSchemaRef::Inline(Box::new(MetaSchema { any_of: vec![T::schema_ref(), MetaSchemaRef::Inline(Box::new(null))], ..MetaSchema::ANY }))
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_raw_value()
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        self.0.raw_element_iter()
    }

    fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: ParseFromJSON> ParseFromJSON for OrNull<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Option::parse_from_json(value).map(Self).map_err(ParseError::propagate)
    }
}

impl<T: ToJSON> ToJSON for OrNull<T> {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}
