//! How values look on disk: JSON with short names, from which everything empty is left out.
//!
//! The values of the lower floors know no serde, and a field that is renamed there must not change the file. So each
//! kept type has a private record beside it, joined by [`Mirror`]; [`mirror!`] writes the pair from a list of fields.
//! A record changes only together with [`super::migrate::VERSION`]: a new field that may be absent is no change, any
//! other difference is one.

mod change;
mod contact;
mod link;
mod rows;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Moment;

/// Why a record cannot be read: its JSON, or a word that this program does not know. Holds nothing of a contact, since it
/// is logged.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) String);

/// A value and its record.
pub(super) trait Mirror: Sized {
    /// What stands on disk.
    type Record: Serialize + DeserializeOwned;
    /// The record of a value.
    fn record(&self) -> Self::Record;
    /// The value of a record.
    fn read(record: Self::Record) -> Result<Self, Unreadable>;
}

/// The bytes of a value.
pub(super) fn encode<T: Mirror>(value: &T) -> Result<Vec<u8>, Unreadable> {
    serde_json::to_vec(&value.record()).map_err(|e| json_problem(&e))
}

/// The value of bytes.
pub(super) fn decode<T: Mirror>(bytes: &[u8]) -> Result<T, Unreadable> {
    let record = serde_json::from_slice(bytes).map_err(|e| json_problem(&e))?;
    T::read(record)
}

/// serde's own words quote the value.
fn json_problem(error: &serde_json::Error) -> Unreadable {
    let kind = format!("{:?}", error.classify()).to_lowercase();
    Unreadable(format!("its JSON has a {kind} error at byte {}", error.column()))
}

/// Whether a record may be left out, since reading nothing gives the same.
fn absent<R: Default + PartialEq>(record: &R) -> bool {
    *record == R::default()
}

/// Writes a record and its [`Mirror`]: `must` fields are always there, `may` fields are left out when they are empty.
macro_rules! mirror {
    ($type:ident as $record:ident may { $($may:ident: $may_type:ty = $may_name:literal,)* }) => {
        $crate::store::record::mirror!(@ [Default] $type $record {} { $($may: $may_type = $may_name,)* });
    };
    ($type:ident as $record:ident
     must { $($must:ident: $must_type:ty = $must_name:literal,)* }
     may { $($may:ident: $may_type:ty = $may_name:literal,)* }) => {
        $crate::store::record::mirror!(
            @ [] $type $record { $($must: $must_type = $must_name,)* } { $($may: $may_type = $may_name,)* });
    };
    (@ [$($default:ident)?] $type:ident $record:ident
     { $($must:ident: $must_type:ty = $must_name:literal,)* }
     { $($may:ident: $may_type:ty = $may_name:literal,)* }) => {
        #[derive($($default,)? PartialEq, serde::Serialize, serde::Deserialize)]
        pub(in crate::store) struct $record {
            $(#[serde(rename = $must_name)]
            $must: <$must_type as $crate::store::record::Mirror>::Record,)*
            $(#[serde(rename = $may_name, default, skip_serializing_if = "crate::store::record::absent")]
            $may: <$may_type as $crate::store::record::Mirror>::Record,)*
        }

        impl $crate::store::record::Mirror for $type {
            type Record = $record;

            fn record(&self) -> $record {
                $record { $($must: self.$must.record(),)* $($may: self.$may.record(),)* }
            }

            fn read(record: $record) -> Result<Self, $crate::store::record::Unreadable> {
                Ok(Self {
                    $($must: <$must_type>::read(record.$must)?,)*
                    $($may: <$may_type>::read(record.$may)?,)*
                })
            }
        }
    };
}

/// Types that are their own record.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Mirror for $type {
            type Record = $type;
            fn record(&self) -> $type {
                self.clone()
            }
            fn read(record: $type) -> Result<Self, Unreadable> {
                Ok(record)
            }
        }
    )*};
}

/// Types around one plain value.
macro_rules! wrapped {
    ($($type:ident($inner:ty)),* $(,)?) => {$(
        impl $crate::store::record::Mirror for $type {
            type Record = $inner;
            fn record(&self) -> $inner {
                self.0.clone()
            }
            fn read(record: $inner) -> Result<Self, $crate::store::record::Unreadable> {
                Ok(Self(record))
            }
        }
    )*};
}

/// Names that books give to things: their text.
macro_rules! names {
    ($($type:ident),* $(,)?) => {$(
        impl $crate::store::record::Mirror for $type {
            type Record = String;
            fn record(&self) -> String {
                self.as_str().to_owned()
            }
            fn read(record: String) -> Result<Self, $crate::store::record::Unreadable> {
                Ok(Self::from(record))
            }
        }
    )*};
}

/// Enumerations that are kept by the word of their `as_str`.
macro_rules! words {
    ($($type:ident in $all:expr),* $(,)?) => {$(
        impl $crate::store::record::Mirror for $type {
            type Record = String;
            fn record(&self) -> String {
                self.as_str().to_owned()
            }
            fn read(record: String) -> Result<Self, $crate::store::record::Unreadable> {
                let unknown = || format!("unknown {} `{record}`", stringify!($type));
                let found = $all.into_iter().find(|value| value.as_str() == record);
                found.ok_or_else(|| $crate::store::record::Unreadable(unknown()))
            }
        }
    )*};
}

use {mirror, names, words, wrapped};

plain!(bool, i64, u8, u16, u32, u64, usize, String);
wrapped!(Moment(i64));

impl<T: Mirror> Mirror for Option<T> {
    type Record = Option<T::Record>;

    fn record(&self) -> Self::Record {
        self.as_ref().map(T::record)
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        record.map(T::read).transpose()
    }
}

impl<T: Mirror> Mirror for Vec<T> {
    type Record = Vec<T::Record>;

    fn record(&self) -> Self::Record {
        self.iter().map(T::record).collect()
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        record.into_iter().map(T::read).collect()
    }
}

impl<T: Mirror> Mirror for Box<T> {
    type Record = T::Record;

    fn record(&self) -> Self::Record {
        T::record(self)
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        T::read(record).map(Self::new)
    }
}

impl<T: Mirror> Mirror for Arc<T> {
    type Record = T::Record;

    fn record(&self) -> Self::Record {
        T::record(self)
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        T::read(record).map(Self::new)
    }
}

impl<A: Mirror, B: Mirror> Mirror for (A, B) {
    type Record = (A::Record, B::Record);

    fn record(&self) -> Self::Record {
        (self.0.record(), self.1.record())
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        Ok((A::read(record.0)?, B::read(record.1)?))
    }
}
