//! A table at one size and for so many samples: the launches of the way forward and of the way back, made once.

use super::Fault;
use super::fields::Fields;
use super::kernel::{Enter, Finish, Kit, Noise, Packed, Point, Window};
use super::room::{Room, floats};
use super::table::Table;
use super::work::Work;
use impasto_core::network::{NodeId, Op};
use impasto_core::{Field, Shape};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};

/// Gradients that the backward pass shall give.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aims<'a> {
    /// The flat vector of all gradients, to which those to the weights are added.
    pub weights: Option<&'a Buffer>,
    /// Whether the gradient to the style is added up.
    pub style: bool,
    /// Whether the gradient goes on to the picture.
    pub picture: bool,
    /// Nodes at which gradients arrive from outside, gated where the node is a ReLU. There, [`Tape::clear`] makes room.
    pub seeds: &'a [NodeId],
}

/// Values, gradients and launches.
pub(super) struct Tape {
    values: Vec<Option<Room>>,
    gradients: Vec<Option<Room>>,
    moments: Vec<Option<Buffer>>,
    fields: Fields,
    /// `[samples][style_len]`.
    pub style: Buffer,
    /// The gradient to it, to which is added.
    pub to_style: Buffer,
    seeds: Vec<NodeId>,
    forward: Vec<Launch>,
    backward: Vec<Launch>,
}

impl Tape {
    /// Over the pictures in `input`, whose sides must be multiples of what the table wants. The style and the gradient to it stand in `style`
    /// if that is given.
    pub fn new(
        gpu: &Gpu,
        table: &Table,
        input: &Room,
        style: Option<[&Buffer; 2]>,
        aims: Aims,
    ) -> Result<Self, Fault> {
        let (program, samples, Shape { height, width, .. }) = (&table.program, input.samples, input.shape);
        let shapes = program.network.shapes(height, width).map_err(|e| Fault(e.to_string()))?;
        let fields = Fields::new(gpu, &program.network, &shapes, samples)?;
        let style_len = program.network.style_len().max(1);
        let [style, to_style] = match style {
            Some(both) => both.map(Buffer::clone),
            None => [floats(gpu, samples * style_len)?, floats(gpu, samples * style_len)?],
        };
        let mut builder = Builder {
            kit: Kit { gpu },
            table,
            aims,
            needed: program.needed(aims.picture, aims.weights.is_some(), aims.style),
            shapes,
            samples,
            reached: vec![false; program.network.nodes.len()],
            gated: vec![true; program.network.nodes.len()],
            parts: None,
            tape: Self {
                values: vec![],
                gradients: vec![],
                moments: vec![],
                fields,
                style,
                to_style,
                seeds: aims.seeds.to_vec(),
                forward: vec![],
                backward: vec![],
            },
        };
        builder.forward(input)?;
        if !aims.seeds.is_empty() {
            builder.backward()?;
        }
        Ok(builder.tape)
    }

    /// Lays other noise fields under the next batch, one a sample; their `strokes` are 1 in training.
    pub fn set_fields(&mut self, gpu: &Gpu, fields: impl Iterator<Item = Field>) {
        self.fields.write(gpu, fields);
    }

    /// The value at a node, see [`Tape::new`] for node 0; for a convolution that only a ReLU reads, ask for the ReLU.
    pub fn value(&self, id: NodeId) -> &Room {
        self.values[id].as_ref().expect("this node has a value of its own")
    }

    /// The picture's place.
    pub fn input(&self) -> &Room {
        self.value(0)
    }

    /// The last node's value.
    pub fn output(&self) -> &Room {
        self.values.last().and_then(Option::as_ref).expect("the last node has a value")
    }

    /// The gradient at a node.
    pub fn gradient(&self, id: NodeId) -> &Room {
        self.gradients[id].as_ref().expect("a gradient arrives at this node")
    }

    /// The gradient at the last node.
    pub fn output_gradient(&self) -> &Room {
        self.gradient(self.gradients.len() - 1)
    }

    /// Zeroes the gradients that arrive from outside.
    pub fn clear(&self, work: &mut Work) {
        self.seeds.iter().for_each(|&id| work.clear(&self.gradient(id).buffer));
    }

    /// The launches of the way forward.
    pub fn forward(&self) -> &[Launch] {
        &self.forward
    }

    /// The launches of the way back, from the seeds.
    pub fn backward(&self) -> &[Launch] {
        &self.backward
    }
}

struct Builder<'a> {
    kit: Kit<'a>,
    table: &'a Table,
    aims: Aims<'a>,
    needed: Vec<bool>,
    shapes: Vec<Shape>,
    samples: usize,
    /// Whether a node's gradient holds something.
    reached: Vec<bool>,
    /// Whether everything that a ReLU's gradient holds was gated by whoever wrote it.
    gated: Vec<bool>,
    /// Room for the parts of a gradient to weights.
    parts: Option<Buffer>,
    tape: Tape,
}

impl<'a> Builder<'a> {
    fn room(&self, id: NodeId) -> Result<Room, Fault> {
        Room::new(self.kit.gpu, self.samples, self.shapes[id])
    }

    /// Window and packed weights of a node's convolution.
    fn window(&self, id: NodeId) -> (Window, &'a Packed) {
        let Op::Conv { kernel, stride, padding, .. } = self.table.program.network.nodes[id].op else {
            unreachable!("asked of convolutions alone")
        };
        (Window { kernel, stride, padding }, self.table.packed(id))
    }

    /// Length of a style vector and begin of a site's part.
    fn place(&self, site: usize) -> (usize, usize) {
        let network = &self.table.program.network;
        (network.style_len(), network.site_range(site).start)
    }

    /// The state of a noise layer.
    fn noise(&self, id: NodeId, site: usize) -> Noise<'_> {
        Noise {
            cells: self.tape.fields.cells(id),
            layer: self.table.layer(id),
            values: self.table.values(),
            style: &self.tape.style,
            place: self.place(site),
        }
    }

    fn divisor(&self, input: NodeId, unbiased: bool) -> f32 {
        let n = self.shapes[input].area() as f32;
        if unbiased { (n - 1.0).max(1.0) } else { n }
    }

    fn forward(&mut self, input: &Room) -> Result<(), Fault> {
        let program = &self.table.program;
        let count = program.network.nodes.len();
        (self.tape.moments, self.tape.gradients) = (vec![None; count], vec![None; count]);
        self.tape.values = vec![None; count];
        self.tape.values[0] = Some(input.clone());
        for id in 1..count {
            // A convolution that only a ReLU reads writes there.
            let made = program.relu_of(id).is_none();
            self.tape.values[id] = if made { Some(self.room(id)?) } else { None };
        }
        for id in 1..count {
            if program.conv_of(id).is_none() {
                self.forward_node(id)?;
            }
        }
        Ok(())
    }

    fn forward_node(&mut self, id: NodeId) -> Result<(), Fault> {
        let (kit, program) = (self.kit, &self.table.program);
        let goal = program.relu_of(id).unwrap_or(id);
        let y = self.tape.value(goal).clone();
        let none = Finish::default();
        let value = |of: NodeId| self.tape.value(of);
        let launch = match &program.network.nodes[id].op {
            Op::Input { .. } => unreachable!("the first node alone is the input"),
            Op::Conv { input, .. } => {
                let (window, packed) = self.window(id);
                kit.conv(window, packed, value(*input), program.relu_of(id).is_some(), &y)?
            }
            Op::Relu { input } => kit.point(Point::Relu(value(*input)), none, &y)?,
            Op::MaxPool2 { input } => kit.pool(value(*input), &y)?,
            Op::AvgPool2 { input } => kit.mean_pool(value(*input), &y)?,
            Op::Upsample2 { input } => kit.double(value(*input), &y)?,
            Op::Add { a, b } => kit.point(Point::Sum(value(*a), value(*b)), none, &y)?,
            Op::Scale { input, mul, add } => kit.point(Point::Scale(value(*input), *mul, *add), none, &y)?,
            Op::AdaIn { input, site, eps, unbiased } => {
                let x = value(*input).clone();
                let moments = floats(kit.gpu, 2 * x.channels())?;
                let coefficients = floats(kit.gpu, 4 * x.channels())?;
                let enter =
                    Enter::AdaIn { moments: &moments, style: &self.tape.style, place: self.place(*site) };
                let launches = [
                    kit.moments(&x, (self.divisor(*input, *unbiased), *eps), &moments)?,
                    kit.site(enter, &x, &coefficients)?,
                ];
                self.tape.forward.extend(launches);
                self.tape.moments[id] = Some(moments);
                kit.point(Point::Affine(&x, &coefficients), none, &y)?
            }
            Op::Modulate { input, site } => {
                let x = value(*input).clone();
                let coefficients = floats(kit.gpu, 4 * x.channels())?;
                let enter = Enter::Modulate { style: &self.tape.style, place: self.place(*site) };
                let launch = kit.site(enter, &x, &coefficients)?;
                self.tape.forward.push(launch);
                kit.point(Point::Affine(&x, &coefficients), none, &y)?
            }
            Op::Noise { input, site, .. } => kit.noise(self.noise(id, *site), value(*input), &y)?,
            Op::MeanStd { input, eps, unbiased } => {
                let x = value(*input).clone();
                let moments = floats(kit.gpu, 2 * x.channels())?;
                let launch = kit.moments(&x, (self.divisor(*input, *unbiased), *eps), &moments)?;
                self.tape.forward.push(launch);
                let launch = kit.site(Enter::Leave { moments: &moments }, &x, &y.buffer)?;
                self.tape.moments[id] = Some(moments);
                launch
            }
            Op::Concat { inputs } => {
                let mut at = 0;
                let mut launches = vec![];
                for &input in inputs {
                    let x = value(input);
                    launches.push(kit.channels((x, 0), (&y, at), x.shape.channels, false)?);
                    at += x.shape.channels;
                }
                self.tape.forward.extend(launches);
                return Ok(());
            }
        };
        self.tape.forward.push(launch);
        Ok(())
    }

    fn backward(&mut self) -> Result<(), Fault> {
        let program = &self.table.program;
        for &id in self.aims.seeds {
            self.tape.gradients[id] = Some(self.room(id)?);
            self.reached[id] = true;
        }
        for id in (1..program.network.nodes.len()).rev() {
            let source = program.relu_of(id).unwrap_or(id);
            if !self.needed[id] || !self.reached[source] || program.conv_of(id).is_some() {
                continue;
            }
            let dy = self.tape.gradient(source).clone();
            if program.is_relu(source) && !self.gated[source] {
                let gate = Some(self.tape.value(source));
                let launch = self.kit.point(Point::Own, Finish { gate, keep: false }, &dy)?;
                self.tape.backward.push(launch);
            }
            self.back_node(id, &dy)?;
        }
        Ok(())
    }

    /// The room of the gradient to `id`, if that is wanted, and whether it holds something that must be kept. `gated` tells that what is
    /// going to be written is 0 wherever the value is not positive.
    fn receive(&mut self, id: NodeId, gated: bool) -> Result<Option<(Room, bool)>, Fault> {
        if !self.needed[id] {
            return Ok(None);
        }
        self.gated[id] &= gated;
        if self.tape.gradients[id].is_none() {
            self.tape.gradients[id] = Some(self.room(id)?);
        }
        let keep = std::mem::replace(&mut self.reached[id], true);
        Ok(Some((self.tape.gradient(id).clone(), keep)))
    }

    /// Gives `point` to a node's gradient.
    fn give(&mut self, id: NodeId, point: Point) -> Result<(), Fault> {
        if let Some((dx, keep)) = self.receive(id, false)? {
            let launch = self.kit.point(point, Finish { gate: None, keep }, &dx)?;
            self.tape.backward.push(launch);
        }
        Ok(())
    }

    fn back_node(&mut self, id: NodeId, dy: &Room) -> Result<(), Fault> {
        let (kit, table) = (self.kit, self.table);
        let program = &table.program;
        match &program.network.nodes[id].op {
            Op::Input { .. } => unreachable!("the first node alone is the input"),
            Op::Conv { input, .. } => self.back_conv(id, *input, dy)?,
            // The gradient has been gated on arrival.
            Op::Relu { input } => self.give(*input, Point::Scale(dy, 1.0, 0.0))?,
            Op::MaxPool2 { input } => {
                let relu = program.is_relu(*input);
                if let Some((dx, keep)) = self.receive(*input, relu)? {
                    let both = (self.tape.value(*input), self.tape.value(id));
                    let launch = kit.pool_back(dy, both, relu, keep, &dx)?;
                    self.tape.backward.push(launch);
                }
            }
            Op::AvgPool2 { input } => {
                if let Some((dx, keep)) = self.receive(*input, false)? {
                    let launch = kit.mean_pool_back(dy, keep, &dx)?;
                    self.tape.backward.push(launch);
                }
            }
            Op::Upsample2 { input } => {
                if let Some((dx, keep)) = self.receive(*input, false)? {
                    let launch = kit.double_back(dy, keep, &dx)?;
                    self.tape.backward.push(launch);
                }
            }
            Op::Add { a, b } => {
                self.give(*a, Point::Scale(dy, 1.0, 0.0))?;
                self.give(*b, Point::Scale(dy, 1.0, 0.0))?;
            }
            Op::Scale { input, mul, .. } => self.give(*input, Point::Scale(dy, *mul, 0.0))?,
            Op::AdaIn { input, site, unbiased, .. } => {
                let moments = self.tape.moments[id].clone().expect("made on the way forward");
                let divisor = self.divisor(*input, *unbiased);
                self.back_site(*input, *site, dy, Some((&moments, divisor)))?;
            }
            Op::Modulate { input, site } => self.back_site(*input, *site, dy, None)?,
            Op::Noise { input, site, .. } => self.back_noise(id, *input, *site, dy)?,
            Op::MeanStd { input, unbiased, .. } => {
                let relu = program.is_relu(*input);
                let divisor = self.divisor(*input, *unbiased);
                if let Some((dx, keep)) = self.receive(*input, relu)? {
                    let x = self.tape.value(*input).clone();
                    let moments = self.tape.moments[id].as_ref().expect("made on the way forward");
                    let coefficients = floats(kit.gpu, 4 * x.channels())?;
                    let leave = Enter::LeaveBack { moments, divisor, gradient: &dy.buffer };
                    let finish = Finish { gate: relu.then_some(&x), keep };
                    let launches = [
                        kit.site(leave, &x, &coefficients)?,
                        kit.point(Point::Affine(&x, &coefficients), finish, &dx)?,
                    ];
                    self.tape.backward.extend(launches);
                }
            }
            Op::Concat { inputs } => {
                let mut at = 0;
                for &input in inputs {
                    let count = self.shapes[input].channels;
                    if let Some((dx, keep)) = self.receive(input, false)? {
                        let launch = kit.channels((dy, at), (&dx, 0), count, keep)?;
                        self.tape.backward.push(launch);
                    }
                    at += count;
                }
            }
        }
        Ok(())
    }

    fn back_site(
        &mut self,
        input: NodeId,
        site: usize,
        dy: &Room,
        moments: Option<(&Buffer, f32)>,
    ) -> Result<(), Fault> {
        let x = self.tape.value(input).clone();
        let coefficients = floats(self.kit.gpu, 4 * x.channels())?;
        let (style, to_style) = (&self.tape.style, &self.tape.to_style);
        let place = self.place(site);
        let launch = self.kit.site_back((dy, &x), moments, style, place, to_style, &coefficients)?;
        self.tape.backward.push(launch);
        self.give(input, Point::Mixed(dy, &x, &coefficients))
    }

    fn back_noise(&mut self, id: NodeId, input: NodeId, site: usize, dy: &Room) -> Result<(), Fault> {
        let (kit, layer) = (self.kit, self.table.layer(id));
        let products = self.parts(dy.samples * layer.weight_len())?;
        let launch = kit.noise_back(self.noise(id, site), dy, &self.tape.to_style, &products)?;
        self.tape.backward.push(launch);
        if let Some(flat) = self.aims.weights {
            let launch = kit.noise_sum(layer, dy.samples, &products, flat)?;
            self.tape.backward.push(launch);
        }
        self.give(input, Point::Scale(dy, 1.0, 0.0))
    }

    fn back_conv(&mut self, id: NodeId, input: NodeId, dy: &Room) -> Result<(), Fault> {
        let (kit, (window, packed)) = (self.kit, self.window(id));
        if let Some(flat) = self.aims.weights {
            let layer = self.table.layer(id);
            let parts = self.parts(Kit::parts(layer, dy))?;
            let x = self.tape.value(input);
            let launches = kit.weights(window, layer, (dy, x), &parts, flat)?;
            self.tape.backward.extend(launches);
        }
        let relu = self.table.program.is_relu(input);
        if let Some((dx, keep)) = self.receive(input, relu)? {
            let gate = relu.then(|| self.tape.value(input));
            let launch = kit.conv_back(window, packed, dy, Finish { gate, keep }, &dx)?;
            self.tape.backward.push(launch);
        }
        Ok(())
    }

    /// Room for so many values, which is used again and again.
    fn parts(&mut self, count: usize) -> Result<Buffer, Fault> {
        match &self.parts {
            Some(parts) if parts.size() >= 4 * count as u64 => Ok(parts.clone()),
            _ => {
                let parts = floats(self.kit.gpu, count)?;
                self.parts = Some(parts.clone());
                Ok(parts)
            }
        }
    }
}
