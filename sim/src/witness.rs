//! A second model that gets the same inputs and must have the same outputs, clock by clock.

use crate::verilated::{Direction, Dut, Model, Port};
use anyhow::{Context as _, Result};

/// An instance of another build of the same design.
pub struct Witness {
    dut: Dut,
    /// Ports of both, and their names.
    inputs: Vec<(Port, Port)>,
    outputs: Vec<(String, Port, Port)>,
    clocks: u64,
}

impl Witness {
    /// A witness of `dut`, in the state before its first clock.
    pub fn new(dut: &Dut, model: &Model) -> Result<Self> {
        let mut witness = Witness {
            dut: model.instance()?,
            inputs: vec![],
            outputs: vec![],
            clocks: 0,
        };
        for info in dut.ports().filter(|info| info.name != "clock") {
            let (here, there) = (dut.port(&info.name)?, witness.dut.port(&info.name)?);
            match info.direction {
                Direction::Input => witness.inputs.push((here, there)),
                Direction::Output => witness.outputs.push((info.name, here, there)),
            }
        }
        witness.inputs.first().context("the model has no inputs")?;
        Ok(witness)
    }

    /// One clock with the inputs that the other model has now; to be called right before its edge.
    pub fn tick(&mut self, dut: &Dut) {
        for (here, there) in &self.inputs {
            self.dut.set_words(*there, &dut.get_words(*here));
        }
        self.dut.tick();
        self.clocks += 1;
    }

    /// The first output that is another one, after the edge of both.
    pub fn difference(&self, dut: &Dut) -> Option<String> {
        let differs = |(_, here, there): &&(String, Port, Port)| dut.get_words(*here) != self.dut.get_words(*there);
        self.outputs.iter().find(differs).map(|(name, here, there)| {
            let (here, there) = (dut.get_words(*here), self.dut.get_words(*there));
            format!("{name} is {here:x?}, but {there:x?} in the other model")
        })
    }

    /// Clocks compared.
    pub fn clocks(&self) -> u64 {
        self.clocks
    }
}
