//! The light network's passes: the painter and its style encoder together.

use super::judge::Photos;
use super::losses;
use super::sums::{Losses, Sums};
use super::walk::output;
use super::{Room, Share, picture_losses, stacked};
use crate::learner::group::Overlap;
use crate::learner::{Group, View};
use burn::tensor::Tensor;
use impasto_core::Tensor as Picture;

/// The first table is the painter's, the second the encoder's.
#[derive(Clone, Copy)]
pub(super) struct Light;

impl Light {
    /// All passes over some groups: one for each of their styles, and one that must give the photos back.
    ///
    /// # Errors
    /// The device's words if it failed.
    pub fn passes(self, room: &Room, groups: &[&Group], share: Share, sums: &mut Sums) -> Result<(), String> {
        let photos = stacked(groups.iter().map(|g| &g.content), room.device);
        if room.recipe.content > 0.0 || room.recipe.style > 0.0 {
            let seen = room.referee.look_at_content(groups, room.recipe);
            for number in 0..groups[0].styles.len() {
                let losses = paint(room, (groups, number), &photos, &seen, share)?;
                sums.add(losses);
            }
        }
        if room.recipe.identity > 0.0 {
            let painted = painted(room, photos.clone(), encoded(room, photos.clone()));
            let identity = losses::l1(painted, photos) * share.group;
            sums.add(Losses { identity: Some(identity), ..Losses::default() });
        }
        Ok(())
    }
}

/// The losses of the photos, each painted in its `number`-th style.
fn paint(
    room: &Room,
    (groups, number): (&[&Group], usize),
    photos: &Tensor<4>,
    seen: &Photos,
    share: Share,
) -> Result<Losses, String> {
    let styles: Vec<_> = groups.iter().map(|g| &g.styles[number]).collect();
    let wanted = room.referee.look_at_styles(&styles, room.recipe.style_kind)?;
    let vectors = encoded(room, stacked(styles.iter().map(|s| &s.picture), room.device));
    let pastiches = painted(room, photos.clone(), vectors.clone());
    let views: Vec<View> = groups.iter().map(|g| g.view).collect();
    let seeds = groups.iter().map(|g| g.seed ^ number as u64);
    let verdict = room.referee.judge((&pastiches, &views), seen, &wanted, room.recipe, seeds);
    let mut losses = picture_losses(&pastiches, photos, verdict, room.recipe, share);
    if number == 0 && room.recipe.noise > 0.0 {
        losses.noise = Some(noise(room, groups, &pastiches, vectors) * share.group);
    }
    Ok(losses)
}

/// Paints the twins, and compares where they show the same.
fn noise(room: &Room, groups: &[&Group], pastiches: &Tensor<4>, vectors: Tensor<2>) -> Tensor<1> {
    let noisy: Vec<Picture> = groups.iter().map(|g| g.twin.noisy(room.recipe.noise_sigma)).collect();
    let others = painted(room, stacked(noisy.iter(), room.device), vectors);
    let side = others.dims()[2];
    let one = |(n, group): (usize, &&Group)| {
        let Overlap { here, there, side } = Overlap::new(group.twin.moved, side);
        let part = |of: &Tensor<4>, (x, y): (usize, usize)| {
            of.clone().narrow(0, n, 1).narrow(2, y, side).narrow(3, x, side)
        };
        losses::l1(part(pastiches, here), part(&others, there))
    };
    groups.iter().enumerate().map(one).reduce(|a, b| a + b).expect("a batch has groups")
}

fn encoded(room: &Room, pictures: Tensor<4>) -> Tensor<2> {
    output(&room.tables[1].program, &room.leaves[1], pictures, None).vector()
}

fn painted(room: &Room, photos: Tensor<4>, vectors: Tensor<2>) -> Tensor<4> {
    output(&room.tables[0].program, &room.leaves[0], photos, Some(vectors)).map()
}
