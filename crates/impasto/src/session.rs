//! Painting frames one after another, steadily.

use crate::steady::{Anchor, Calm, Motion, Place, Settler};
use crate::stylizer::{Dials, Stylizer};
use crate::{PaintError, color, strength};
use impasto_core::style::Update;
use impasto_core::{Conditions, Image, Plan, Style};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Plans kept beside the one in use. One takes some 20 MB at 640x360.
const RESTED: usize = 3;

/// Paints the frames of one video or camera, in their order. It keeps the plan of the last frame size and, with [`Dials::steady`]
/// above 0, what holds the painting still from frame to frame (see [`crate::steady`]).
pub struct Session {
    stylizer: Stylizer,
    painter: Option<Planned>,
    /// Plans of other tuned styles at the same size, the one used last at the end.
    rested: Vec<Planned>,
    /// A plan that is being made beside.
    coming: Option<Coming>,
    /// The update of the last steady frame's style, and the number of updates so far.
    worn: (Option<Arc<Update>>, f32),
    /// The style's update for which none could be made.
    failed: Option<Option<Arc<Update>>>,
    encoder: Option<Planned>,
    calm: Calm,
    anchor: Anchor,
    settler: Settler,
    /// The canvas that the next frame is laid on, and the one that it is painted on.
    canvases: [Image; 2],
    begun: VecDeque<Begun>,
    /// From [`Session::recall`], for the next plan.
    recalled: Option<Vec<f64>>,
}

/// A frame that was begun.
struct Begun {
    /// As it is painted, without noise.
    frame: Image,
    dials: Dials,
    /// `None` where nothing is held still.
    steadied: Option<Steadied>,
    /// The painting, or the painted canvas; `None` while the engine's device has it.
    painted: Option<Image>,
}

/// Settings that hold a frame still.
struct Steadied {
    place: Place,
    motion: Motion,
    /// Everything that changes the painting though the frame stands still: the style, and dials.
    look: Vec<f32>,
}

struct Planned {
    size: (usize, usize),
    /// Of a tuned style: what it adds to the weights.
    update: Option<Arc<Update>>,
    plan: Box<dyn Plan>,
}

impl Planned {
    fn is(&self, size: (usize, usize), update: Option<&Arc<Update>>) -> bool {
        is_same(self.update.as_ref(), update) && self.size == size
    }
}

fn is_same(own: Option<&Arc<Update>>, other: Option<&Arc<Update>>) -> bool {
    match (own, other) {
        (None, None) => true,
        (Some(own), Some(other)) => Arc::ptr_eq(own, other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// A plan that another thread makes.
struct Coming {
    size: (usize, usize),
    update: Option<Arc<Update>>,
    made: Receiver<Box<dyn Plan>>,
}

impl Coming {
    /// `None` where no thread can be started.
    fn begin(stylizer: &Stylizer, size: (usize, usize), update: Option<&Arc<Update>>) -> Option<Self> {
        let (stylizer, update, (sender, made)) = (stylizer.clone(), update.cloned(), channel());
        let own = update.clone();
        let make = move || {
            if let Ok(plan) = stylizer.painter(own.as_deref(), size.1, size.0) {
                // Nobody waits any more where the session is gone.
                let _ = sender.send(plan);
            }
        };
        std::thread::Builder::new().name("plan".into()).spawn(make).ok()?;
        Some(Self { size, update, made })
    }
}

impl Session {
    pub(crate) fn new(stylizer: Stylizer) -> Self {
        Self {
            stylizer,
            painter: None,
            rested: vec![],
            coming: None,
            worn: (None, 0.0),
            failed: None,
            encoder: None,
            calm: Calm::default(),
            anchor: Anchor::default(),
            settler: Settler::default(),
            canvases: [Image::black(1, 1), Image::black(1, 1)],
            begun: VecDeque::new(),
            recalled: None,
        }
    }

    /// Paints one frame into `out`, which takes the frame's size. A frame of another size than the last starts afresh.
    pub fn paint(
        &mut self,
        frame: &Image,
        style: &Style,
        dials: &Dials,
        out: &mut Image,
    ) -> Result<(), PaintError> {
        self.wait()?;
        let waiting = self.begun.len();
        self.take(frame.clone(), style, dials, false)?;
        let begun = self.begun.remove(waiting).expect("it was just begun");
        *out = self.finished(begun)?;
        Ok(())
    }

    /// Takes a frame in; [`Session::finish`] gives it painted. An engine with a device of its own paints it while the caller
    /// does other things, and takes the next one in; others paint it at once. Frames come out as [`Session::paint`]
    /// would have painted them one by one.
    pub fn begin(&mut self, frame: Image, style: &Style, dials: &Dials) -> Result<(), PaintError> {
        if self.is_full() {
            self.wait()?;
        }
        self.take(frame, style, dials, true)
    }

    /// Whether there is nothing to gain from beginning another frame before the oldest is finished.
    pub fn is_full(&mut self) -> bool {
        let ahead = self.painter.as_mut().and_then(|painter| painter.plan.ahead());
        let most = ahead.map_or(1, |ahead| ahead.most());
        self.begun.len() >= most
    }

    /// The oldest frame that was begun, painted; `None` where there is none.
    pub fn finish(&mut self) -> Result<Option<Image>, PaintError> {
        let Some(mut begun) = self.begun.pop_front() else { return Ok(None) };
        if begun.painted.is_none() {
            begun.painted = Some(self.arrived(&begun.frame, begun.steadied.is_some())?);
        }
        self.finished(begun).map(Some)
    }

    /// Looks at a frame that is not painted, so that the next one is held still against it.
    pub fn skip(&mut self, mut frame: Image, dials: &Dials) {
        if dials.steady > 0.0 {
            let cut = self.calm.calm(&mut frame, dials.steady).cut;
            self.anchor.follow(&frame, cut);
        }
    }

    /// Whether a frame of the last size can be painted in this style without waiting for a plan. If not, its plan is begun on a thread
    /// beside, and a later call says yes.
    pub fn is_ready(&mut self, style: &Style) -> bool {
        self.gather();
        let Some(size) = self.painter.as_ref().map(|painter| painter.size) else { return true };
        let update = style.update();
        let known = self.painter.iter().chain(&self.rested).any(|planned| planned.is(size, update));
        if known || self.failed.as_ref().is_some_and(|failed| is_same(failed.as_ref(), update)) {
            return true;
        }
        match &self.coming {
            // One at a time: planning takes a core.
            Some(_) => false,
            None => {
                self.coming = Coming::begin(&self.stylizer, size, update);
                // Without a thread the frame has to wait after all.
                self.coming.is_none()
            }
        }
    }

    /// Puts a plan that was made beside among the others. One that failed is made again with the frame that needs it, which says why.
    fn gather(&mut self) {
        let Some(coming) = &self.coming else { return };
        let made = coming.made.try_recv();
        if matches!(made, Err(TryRecvError::Empty)) {
            return;
        }
        let Coming { size, update, .. } = self.coming.take().expect("it was just there");
        match made {
            Ok(plan) => self.rest(Planned { size, update, plan }),
            Err(_) => self.failed = Some(update),
        }
    }

    /// Keeps a plan that is not in use; the one used longest ago goes.
    fn rest(&mut self, planned: Planned) {
        let size = planned.size;
        self.rested.push(planned);
        self.rested.retain(|planned| planned.size == size);
        if self.rested.len() > RESTED {
            self.rested.remove(0);
        }
    }

    /// Forgets what was carried from earlier frames: at a scene cut.
    pub fn reset(&mut self) {
        if let Some(painter) = &mut self.painter {
            painter.plan.reset();
        }
        (self.calm, self.anchor, self.settler) = (Calm::default(), Anchor::default(), Settler::default());
    }

    /// Everything that the next frame's painting depends on besides the frames themselves ([`Session::skip`] looks at those): the smoothed content
    /// statistics. Empty where nothing is remembered. The painting that is shown, which is held still too, is forgotten
    /// at this point, so that going on from here is the same at once and later.
    pub fn memory(&mut self) -> Vec<f64> {
        self.settler.forget();
        self.painter.as_ref().map(|painter| painter.plan.memory()).unwrap_or_default()
    }

    /// Takes up what [`Session::memory`] gave: the next frame is painted as it would have been in that session.
    pub fn recall(&mut self, memory: &[f64]) {
        self.recalled = Some(memory.to_vec());
    }

    /// Takes a frame in, and has it painted, or begun where `ahead` is asked for and the engine can.
    fn take(
        &mut self,
        mut frame: Image,
        style: &Style,
        dials: &Dials,
        ahead: bool,
    ) -> Result<(), PaintError> {
        dials.check()?;
        style.check(self.stylizer.model())?;
        if dials.strength == 0.0 {
            // The photo itself, noise and all: nothing is painted.
            self.settler.forget();
            self.skip(frame.clone(), dials);
            self.begun.push_back(Begun {
                painted: Some(frame.clone()),
                frame,
                dials: *dials,
                steadied: None,
            });
            return Ok(());
        }
        let (steadied, smoothing, cut) = self.steadied(&mut frame, style, dials);
        let (vector, strength) = self.vector(&frame, style, dials.strength)?;
        let mut conditions = Conditions { smoothing, ..dials.conditions(&vector, strength) };
        let [mut canvas, mut painted] =
            std::mem::replace(&mut self.canvases, [Image::black(1, 1), Image::black(1, 1)]);
        if let Some(Steadied { place, .. }) = &steadied {
            place.lay(&frame, &mut canvas);
            conditions.field.origin = place.origin;
        }
        let source = if steadied.is_some() { &canvas } else { &frame };
        let size = (source.width(), source.height());
        self.plan_painter(size, style.update())?;
        let plan = self.painter.as_mut().expect("it was just planned").plan.as_mut();
        if let Some(memory) = self.recalled.take() {
            plan.recall(&memory);
        }
        if cut {
            plan.reset();
        }
        let made = match plan.ahead().filter(|_| ahead) {
            Some(ahead) => {
                ahead.begin(source, &conditions)?;
                None
            }
            None => {
                if (painted.width(), painted.height()) != size {
                    painted = Image::black(size.0, size.1);
                }
                plan.run_image(source, &conditions, &mut painted)?;
                Some(std::mem::replace(&mut painted, Image::black(1, 1)))
            }
        };
        self.canvases = [canvas, painted];
        self.begun.push_back(Begun { frame, dials: *dials, steadied, painted: made });
        Ok(())
    }

    /// Has the plan for this size and style at hand. The last few are kept, so that changing among tuned styles costs a plan once each.
    fn plan_painter(&mut self, size: (usize, usize), update: Option<&Arc<Update>>) -> Result<(), PaintError> {
        if self.painter.as_ref().is_some_and(|painter| painter.is(size, update)) {
            return Ok(());
        }
        self.wait()?;
        let known = self.rested.iter().position(|planned| planned.is(size, update));
        let next = match known {
            Some(at) => self.rested.remove(at),
            None => {
                let plan = self.stylizer.painter(update.map(Arc::as_ref), size.1, size.0)?;
                Planned { size, update: update.cloned(), plan }
            }
        };
        if let Some(before) = self.painter.replace(next).filter(|before| before.size == size) {
            self.rest(before);
        }
        self.rested.retain(|planned| planned.size == size);
        self.painter.as_mut().expect("it was just put there").plan.reset();
        Ok(())
    }

    /// Takes noise out of the frame and finds its place; how much of the statistics is kept, and whether a new scene begins.
    fn steadied(&mut self, frame: &mut Image, style: &Style, dials: &Dials) -> (Option<Steadied>, f32, bool) {
        if dials.steady <= 0.0 {
            (self.calm, self.anchor, self.settler) = (Calm::default(), Anchor::default(), Settler::default());
            return (None, 0.0, false);
        }
        let advice = self.calm.calm(frame, dials.steady);
        let place = self.anchor.follow(frame, advice.cut);
        if !is_same(self.worn.0.as_ref(), style.update()) {
            self.worn = (style.update().cloned(), self.worn.1 + 1.0);
        }
        let dials = [dials.strength, dials.keep_color, dials.strokes, dials.seed as f32];
        let look = [style.vector(), &dials, &[self.worn.1]].concat();
        (Some(Steadied { place, motion: advice.motion, look }), advice.smoothing, advice.cut)
    }

    /// Work left to do with a painting.
    fn finished(&mut self, begun: Begun) -> Result<Image, PaintError> {
        let Begun { frame, dials, steadied, painted } = begun;
        let mut painted = painted.expect("it has arrived");
        if let Some(Steadied { place, .. }) = &steadied {
            let mut out = Image::black(frame.width(), frame.height());
            place.cut(&painted, &mut out);
            self.canvases[1] = std::mem::replace(&mut painted, out);
        }
        color::keep_color(&mut painted, &frame, dials.keep_color);
        strength::toward_photo(&mut painted, &frame, dials.strength);
        if let Some(Steadied { motion, look, .. }) = steadied {
            self.settler.settle(&mut painted, &motion, &look, dials.steady);
        }
        Ok(painted)
    }

    /// The oldest painting that the engine's device has.
    fn arrived(&mut self, frame: &Image, on_canvas: bool) -> Result<Image, PaintError> {
        let planned = self.painter.as_mut().expect("frames under way have a plan");
        let size = if on_canvas { planned.size } else { (frame.width(), frame.height()) };
        let mut painted = Image::black(size.0, size.1);
        planned
            .plan
            .ahead()
            .expect("frames under way have an engine that takes them")
            .finish(&mut painted)?;
        Ok(painted)
    }

    /// Waits for all frames that the engine's device has.
    fn wait(&mut self) -> Result<(), PaintError> {
        for at in 0..self.begun.len() {
            if self.begun[at].painted.is_none() {
                let mut begun = self.begun.remove(at).expect("it is there");
                begun.painted = Some(self.arrived(&begun.frame, begun.steadied.is_some())?);
                self.begun.insert(at, begun);
            }
        }
        Ok(())
    }

    /// The vector to paint with, and the strength that is left to the painter itself.
    fn vector(&mut self, frame: &Image, style: &Style, strength: f32) -> Result<(Vec<f32>, f32), PaintError> {
        let model = self.stylizer.model();
        if strength == 1.0 || model.strength == impasto_core::model::StrengthKind::Features {
            return Ok((style.vector().to_vec(), strength));
        }
        let small = self.stylizer.style_sized(frame);
        let size = (small.width(), small.height());
        let plan = plan_for(&mut self.encoder, size, |h, w| self.stylizer.plan(&model.encoder, h, w))?;
        let own = crate::stylizer::encode_with(plan, &small)?;
        let mixed = own.iter().zip(style.vector()).map(|(own, style)| own + strength * (style - own));
        Ok((mixed.collect(), 1.0))
    }
}

fn plan_for(
    planned: &mut Option<Planned>,
    size: (usize, usize),
    make: impl FnOnce(usize, usize) -> Result<Box<dyn Plan>, PaintError>,
) -> Result<&mut dyn Plan, PaintError> {
    if planned.as_ref().is_none_or(|p| p.size != size) {
        *planned = Some(Planned { size, update: None, plan: make(size.1, size.0)? });
    }
    Ok(planned.as_mut().expect("it was just planned").plan.as_mut())
}
