//! Pictures of streams: a bounded number of each, in a bounded number of bytes. The oldest go.

use redb::{ReadTransaction, ReadableTable};

use super::{Defined, Writing};
use crate::history::{MOST_PICTURES, NewPicture, Picture, PictureOf};
use crate::store::StoreError;
use crate::store::schema::{NUMBERS, PICTURE_BODIES, PICTURES, boxed};
use crate::stream::StreamId;

/// The number of the next picture.
const NEXT: &str = "picture_next";
/// What all pictures take, bytes.
const BYTES: &str = "picture_bytes";

impl Writing<'_> {
    /// Keeps pictures of streams that are defined, in so many bytes.
    pub(in crate::store) fn put_pictures(
        &mut self,
        pictures: &[NewPicture],
        most_bytes: u64,
        defined: Defined<'_, '_>,
    ) -> Result<(), StoreError> {
        for picture in pictures {
            if picture.jpeg.len() as u64 > most_bytes {
                continue;
            }
            let Some(number) = self.number(&picture.stream, defined)? else {
                continue;
            };
            let json = crate::store::writer::json(picture.stream.as_str(), &picture.of)?;
            let next = self.meta(NEXT)?;
            self.meta.insert(NEXT, next + 1).map_err(boxed)?;
            {
                let mut all = self.transaction.open_table(PICTURES).map_err(boxed)?;
                all.insert((number, next), json.as_slice()).map_err(boxed)?;
                let mut bodies = self.transaction.open_table(PICTURE_BODIES).map_err(boxed)?;
                let jpeg = picture.jpeg.as_ref();
                bodies.insert((next, number), jpeg).map_err(boxed)?;
            }
            let bytes = self.meta(BYTES)? + picture.jpeg.len() as u64;
            self.meta.insert(BYTES, bytes).map_err(boxed)?;
            self.bound_pictures(number, most_bytes)?;
        }
        Ok(())
    }

    fn bound_pictures(&mut self, number: u32, most_bytes: u64) -> Result<(), StoreError> {
        let kept = self.pictures_of(number)?;
        let surplus = kept.len().saturating_sub(MOST_PICTURES);
        for &picture in &kept[..surplus] {
            self.remove_picture(number, picture)?;
        }
        while self.meta(BYTES)? > most_bytes {
            let oldest = {
                let bodies = self.transaction.open_table(PICTURE_BODIES).map_err(boxed)?;
                let first = bodies.first().map_err(boxed)?;
                first.map(|(key, _)| key.value())
            };
            let Some((picture, number)) = oldest else {
                break;
            };
            self.remove_picture(number, picture)?;
        }
        Ok(())
    }

    /// Removes all pictures of a stream.
    pub(super) fn forget_pictures(&mut self, number: u32) -> Result<(), StoreError> {
        for picture in self.pictures_of(number)? {
            self.remove_picture(number, picture)?;
        }
        Ok(())
    }

    fn pictures_of(&self, number: u32) -> Result<Vec<u64>, StoreError> {
        let all = self.transaction.open_table(PICTURES).map_err(boxed)?;
        let rows = all.range((number, 0)..=(number, u64::MAX)).map_err(boxed)?;
        rows.map(|row| Ok(row.map_err(boxed)?.0.value().1))
            .collect()
    }

    fn remove_picture(&mut self, number: u32, picture: u64) -> Result<(), StoreError> {
        let mut all = self.transaction.open_table(PICTURES).map_err(boxed)?;
        all.remove((number, picture)).map_err(boxed)?;
        let mut bodies = self.transaction.open_table(PICTURE_BODIES).map_err(boxed)?;
        let body = bodies.remove((picture, number)).map_err(boxed)?;
        let bytes = body.map_or(0, |body| body.value().len() as u64);
        let left = self.meta(BYTES)?.saturating_sub(bytes);
        self.meta.insert(BYTES, left).map_err(boxed)?;
        Ok(())
    }
}

/// The pictures of a stream, newest first. What cannot be read is left out.
#[allow(
    clippy::needless_pass_by_value,
    reason = "the transaction ends with it"
)]
pub(super) fn list(read: ReadTransaction, stream: &StreamId) -> Result<Vec<Picture>, StoreError> {
    let Some(number) = number_of(&read, stream)? else {
        return Ok(Vec::new());
    };
    let table = read.open_table(PICTURES).map_err(boxed)?;
    let rows = table.range((number, 0)..=(number, u64::MAX));
    let mut pictures = Vec::new();
    for row in rows.map_err(boxed)?.rev() {
        let (key, json) = row.map_err(boxed)?;
        match serde_json::from_slice::<PictureOf>(json.value()) {
            Ok(of) => pictures.push(Picture {
                number: key.value().1,
                of,
            }),
            Err(error) => tracing::warn!(%stream, %error, "a picture cannot be read"),
        }
    }
    Ok(pictures)
}

/// One picture of a stream, as JPEG.
#[allow(
    clippy::needless_pass_by_value,
    reason = "the transaction ends with it"
)]
pub(super) fn body(
    read: ReadTransaction,
    stream: &StreamId,
    picture: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(number) = number_of(&read, stream)? else {
        return Ok(None);
    };
    let bodies = read.open_table(PICTURE_BODIES).map_err(boxed)?;
    let body = bodies.get((picture, number)).map_err(boxed)?;
    Ok(body.map(|body| body.value().to_vec()))
}

fn number_of(read: &ReadTransaction, stream: &StreamId) -> Result<Option<u32>, StoreError> {
    let numbers = read.open_table(NUMBERS).map_err(boxed)?;
    let number = numbers.get(stream.as_str()).map_err(boxed)?;
    Ok(number.map(|number| number.value()))
}
