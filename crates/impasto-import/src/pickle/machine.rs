//! The stack machine itself: one instruction, one arm.

use std::collections::HashMap;
use std::io::Read;

use super::source::Source;
use super::value::{Global, Heap, Id, Value};
use crate::Limits;
use crate::error::{ReadError, Result};

/// Newest pickle protocol there is.
const PROTOCOL: u8 = 5;
/// Longest whole number we take, in bytes (the magic number of old `.pth` files has 10).
const INT_BYTES: usize = 16;

pub(super) struct Machine<'a, R> {
    pub(super) source: Source<R>,
    pub(super) heap: Heap,
    pub(super) limits: &'a Limits,
    stack: Vec<Id>,
    /// Heights of the stack at which an open `MARK` stands.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a, R: Read> Machine<'a, R> {
    pub(super) fn new(stream: R, limits: &'a Limits) -> Self {
        Machine {
            source: Source::new(stream, limits.header_bytes),
            heap: Heap::default(),
            limits,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    /// Runs to `STOP` and returns the value on top.
    pub(super) fn run(mut self) -> Result<(Heap, Id)> {
        loop {
            let at = self.source.at();
            match self.source.byte()? {
                b'.' => return Ok((std::mem::take(&mut self.heap), self.pop()?)),
                opcode => self.step(opcode, at)?,
            }
        }
    }

    fn step(&mut self, opcode: u8, at: u64) -> Result<()> {
        match opcode {
            // Frames of the pickle itself.
            0x80 => self.protocol(),
            0x95 => self.source.array::<8>().map(drop),
            // Plain values.
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool),
            b'J' | b'K' | b'M' | 0x8a => self.int(opcode),
            b'G' => self.source.array::<8>().and_then(|_| self.push(Value::Opaque)),
            b'X' | 0x8c | b'T' | b'U' => self.string(opcode),
            b'B' | b'C' => self.byte_string(opcode),
            // Containers.
            b'(' => self.mark(),
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            0x85..=0x87 => self.short_tuple(usize::from(opcode - 0x84)),
            b't' | b'l' | b'd' => self.close(opcode),
            b'a' | b'e' => self.append(opcode),
            b's' | b'u' => self.set_items(opcode),
            // Stack and memory.
            b'0' => self.pop().map(drop),
            b'1' => self.pop_to_mark().map(drop),
            b'q' | b'r' | 0x94 => self.remember(opcode),
            b'h' | b'j' => self.recall(opcode),
            // What would be code in Python, and is a rule here.
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'R' | 0x81 => self.call(),
            b'b' => self.build(),
            b'Q' => self.persistent(),
            _ => Err(ReadError::Opcode { opcode, at }),
        }
    }

    pub(super) fn push(&mut self, value: Value) -> Result<()> {
        let id = self.heap.add(value, self.limits.values)?;
        self.push_id(id);
        Ok(())
    }

    pub(super) fn push_id(&mut self, id: Id) {
        self.stack.push(id);
    }

    /// Takes the top value; never one below an open mark.
    pub(super) fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor { self.stack.pop() } else { None }
            .ok_or_else(|| self.source.damaged("it takes a value from an empty stack"))
    }

    /// The top value, left in place.
    pub(super) fn top(&mut self) -> Result<Id> {
        let id = self.pop()?;
        self.push_id(id);
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark =
            self.marks.pop().ok_or_else(|| self.source.damaged("it closes a group it never opened"))?;
        Ok(self.stack.split_off(mark))
    }

    fn mark(&mut self) -> Result<()> {
        if self.marks.len() >= self.limits.values {
            return Err(self.source.damaged("too many open groups"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn protocol(&mut self) -> Result<()> {
        match self.source.byte()? {
            0..=PROTOCOL => Ok(()),
            newer => Err(self.source.damaged(format!("protocol {newer} is newer than {PROTOCOL}"))),
        }
    }

    fn int(&mut self, opcode: u8) -> Result<()> {
        let n = match opcode {
            b'J' => i128::from(i32::from_le_bytes(self.source.array()?)),
            b'K' => i128::from(self.source.byte()?),
            b'M' => i128::from(u16::from_le_bytes(self.source.array()?)),
            _ => self.long()?,
        };
        self.push(Value::Int(n))
    }

    /// Two's complement of a stated number of bytes, least significant first.
    fn long(&mut self) -> Result<i128> {
        let count = usize::from(self.source.byte()?);
        if count > INT_BYTES {
            return Err(self.source.damaged(format!("a whole number of {count} bytes")));
        }
        let bytes = self.source.bytes(count)?;
        let negative = bytes.last().is_some_and(|&top| top >= 0x80);
        let mut full = [if negative { 0xff } else { 0 }; INT_BYTES];
        full[..count].copy_from_slice(&bytes);
        Ok(i128::from_le_bytes(full))
    }

    /// `BINUNICODE`, `SHORT_BINUNICODE`, and the two byte strings that Python 2 wrote for text.
    fn string(&mut self, opcode: u8) -> Result<()> {
        let count = match opcode {
            b'X' | b'T' => self.length()?,
            _ => usize::from(self.source.byte()?),
        };
        let text = self.source.text(count)?;
        self.push(Value::Text(text))
    }

    fn byte_string(&mut self, opcode: u8) -> Result<()> {
        let count = if opcode == b'B' { self.length()? } else { usize::from(self.source.byte()?) };
        self.source.bytes(count)?;
        self.push(Value::Opaque)
    }

    fn length(&mut self) -> Result<usize> {
        let count = u32::from_le_bytes(self.source.array()?);
        usize::try_from(count).map_err(|_| self.source.damaged("a string longer than memory"))
    }

    fn short_tuple(&mut self, count: usize) -> Result<()> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    /// Makes everything above the mark one tuple, list or dictionary.
    fn close(&mut self, opcode: u8) -> Result<()> {
        let items = self.pop_to_mark()?;
        let value = match opcode {
            b't' => Value::Tuple(items),
            b'l' => Value::List(items),
            _ => Value::Dict(self.pairs(&items)?),
        };
        self.push(value)
    }

    fn append(&mut self, opcode: u8) -> Result<()> {
        let items = if opcode == b'a' { vec![self.pop()?] } else { self.pop_to_mark()? };
        let list = self.top()?;
        match self.heap.get_mut(list) {
            Value::List(list) => list.extend(items),
            other => {
                let kind = other.kind();
                return Err(self.source.damaged(format!("it appends to {kind}")));
            }
        }
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<()> {
        let items = if opcode == b's' {
            let value = self.pop()?;
            vec![self.pop()?, value]
        } else {
            self.pop_to_mark()?
        };
        let pairs = self.pairs(&items)?;
        let dict = self.top()?;
        match self.heap.get_mut(dict) {
            Value::Dict(dict) => dict.extend(pairs),
            other => {
                let kind = other.kind();
                return Err(self.source.damaged(format!("it sets an entry of {kind}")));
            }
        }
        Ok(())
    }

    fn pairs(&self, items: &[Id]) -> Result<Vec<(Id, Id)>> {
        match items.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
            _ => Err(self.source.damaged("a dictionary with a key but no value")),
        }
    }

    fn remember(&mut self, opcode: u8) -> Result<()> {
        let slot = match opcode {
            b'q' => u32::from(self.source.byte()?),
            b'r' => u32::from_le_bytes(self.source.array()?),
            _ => self.memo.len() as u32,
        };
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<()> {
        let slot = if opcode == b'h' {
            u32::from(self.source.byte()?)
        } else {
            u32::from_le_bytes(self.source.array()?)
        };
        let id = self.memo.get(&slot).copied();
        self.push_id(
            id.ok_or_else(|| self.source.damaged(format!("it recalls value {slot}, never stored")))?,
        );
        Ok(())
    }

    fn global(&mut self) -> Result<()> {
        let (module, name) = (self.source.line()?, self.source.line()?);
        self.push(Value::Global(Global::from_name(&module, &name)?))
    }

    fn stack_global(&mut self) -> Result<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Value::Text(module), Value::Text(name)) = (self.heap.get(module), self.heap.get(name)) else {
            return Err(self.source.damaged("a class whose name is not a string"));
        };
        let global = Global::from_name(module, name)?;
        self.push(Value::Global(global))
    }
}
