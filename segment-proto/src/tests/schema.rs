//! What a value looks like on the wire, found out by serialising it: so the document cannot drift.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};
use serde_json::Error;

/// A field and its type.
pub type Field = (&'static str, String);

/// What was met on the way.
#[derive(Default)]
pub struct Schema {
    /// Structs by name, with their fields in order.
    pub structs: BTreeMap<&'static str, Vec<Field>>,
    /// Named types that are written as another.
    pub newtypes: BTreeMap<&'static str, String>,
}

impl Schema {
    /// The type of `value`. Every option in it has to be filled, every list needs an item.
    pub fn describe<T: Serialize + ?Sized>(&mut self, value: &T) -> String {
        value.serialize(Describe(self)).unwrap()
    }
}

struct Describe<'a>(&'a mut Schema);

impl<'a> Serializer for Describe<'a> {
    type Ok = String;
    type Error = Error;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = Impossible<String, Error>;
    type SerializeTupleVariant = Impossible<String, Error>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Impossible<String, Error>;

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_bool(self, _: bool) -> Result<String, Error> {
        Ok("bool".to_string())
    }
    fn serialize_u8(self, _: u8) -> Result<String, Error> {
        Ok("u8".to_string())
    }
    fn serialize_u16(self, _: u16) -> Result<String, Error> {
        Ok("u16".to_string())
    }
    fn serialize_u32(self, _: u32) -> Result<String, Error> {
        Ok("u32".to_string())
    }
    fn serialize_u64(self, _: u64) -> Result<String, Error> {
        Ok("u64".to_string())
    }
    fn serialize_str(self, _: &str) -> Result<String, Error> {
        Ok("text".to_string())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<String, Error> {
        let fixed = matches!(bytes.len(), 16 | 32 | 64);
        Ok(if fixed { format!("{} bytes", bytes.len()) } else { "bytes".to_string() })
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, Error> {
        Ok(format!("option of {}", value.serialize(self)?))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<String, Error> {
        let inner = self.0.describe(value);
        self.0.newtypes.insert(name, inner);
        Ok(name.to_string())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Error> {
        Ok(List { schema: self.0, item: None })
    }
    fn serialize_tuple(self, _: usize) -> Result<List<'a>, Error> {
        self.serialize_seq(None)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>, Error> {
        Ok(Map { schema: self.0, key: String::new(), text: None })
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>, Error> {
        Ok(Struct { schema: self.0, name, fields: Vec::new() })
    }
    fn serialize_unit_variant(self, name: &'static str, _: u32, _: &'static str) -> Result<String, Error> {
        Ok(name.to_string())
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, Error> {
        Ok(name.to_string())
    }

    // None of these is part of the protocol.
    fn serialize_i8(self, _: i8) -> Result<String, Error> {
        Err(Error::custom("i8"))
    }
    fn serialize_i16(self, _: i16) -> Result<String, Error> {
        Err(Error::custom("i16"))
    }
    fn serialize_i32(self, _: i32) -> Result<String, Error> {
        Err(Error::custom("i32"))
    }
    fn serialize_i64(self, _: i64) -> Result<String, Error> {
        Err(Error::custom("i64"))
    }
    fn serialize_f32(self, _: f32) -> Result<String, Error> {
        Err(Error::custom("f32"))
    }
    fn serialize_f64(self, _: f64) -> Result<String, Error> {
        Err(Error::custom("f64"))
    }
    fn serialize_char(self, _: char) -> Result<String, Error> {
        Err(Error::custom("char"))
    }
    fn serialize_none(self) -> Result<String, Error> {
        Err(Error::custom("an empty option says nothing about its type"))
    }
    fn serialize_unit(self) -> Result<String, Error> {
        Err(Error::custom("unit"))
    }
    fn serialize_unit_struct(self, name: &'static str) -> Result<String, Error> {
        Err(Error::custom(name))
    }
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(Error::custom(name))
    }
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error::custom(name))
    }
    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(Error::custom(name))
    }
}

struct List<'a> {
    schema: &'a mut Schema,
    item: Option<String>,
}

impl SerializeSeq for List<'_> {
    type Ok = String;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item = Some(self.schema.describe(value));
        Ok(())
    }
    fn end(self) -> Result<String, Error> {
        self.item.map(|item| format!("list of {item}")).ok_or_else(|| Error::custom("an empty list"))
    }
}

impl SerializeTuple for List<'_> {
    type Ok = String;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Result<String, Error> {
        SerializeSeq::end(self)
    }
}

struct Map<'a> {
    schema: &'a mut Schema,
    key: String,
    text: Option<String>,
}

impl SerializeMap for Map<'_> {
    type Ok = String;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = self.schema.describe(key);
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let value = self.schema.describe(value);
        self.text = Some(format!("map from {} to {value}", self.key));
        Ok(())
    }
    fn end(self) -> Result<String, Error> {
        self.text.ok_or_else(|| Error::custom("an empty map"))
    }
}

struct Struct<'a> {
    schema: &'a mut Schema,
    name: &'static str,
    fields: Vec<Field>,
}

impl SerializeStruct for Struct<'_> {
    type Ok = String;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let field = (name, self.schema.describe(value));
        self.fields.push(field);
        Ok(())
    }
    /// What is signed is named by its domain.
    fn end(self) -> Result<String, Error> {
        if self.name.starts_with("segment/") {
            return Ok(format!("Signed `{}`", self.name));
        }
        self.schema.structs.insert(self.name, self.fields);
        Ok(self.name.to_string())
    }
}
