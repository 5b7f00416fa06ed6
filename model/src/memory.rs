//! Physical memory as the model sees it.

/// The bus answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus answers physical address {phys_addr:#x} with an error; map memory there or correct the address")]
pub struct BusError {
    /// First byte that has no memory.
    pub phys_addr: u64,
}

/// Byte-addressed physical memory that can be read.
pub trait Memory {
    /// Fills `bytes` from `phys_addr` on.
    fn read(&self, phys_addr: u64, bytes: &mut [u8]) -> Result<(), BusError>;

    /// A little-endian 32-bit word.
    fn read_u32(&self, phys_addr: u64) -> Result<u32, BusError> {
        let mut bytes = [0; 4];
        self.read(phys_addr, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// A little-endian 64-bit word.
    fn read_u64(&self, phys_addr: u64) -> Result<u64, BusError> {
        let mut bytes = [0; 8];
        self.read(phys_addr, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// Physical memory that can also be written.
pub trait MemoryMut: Memory {
    /// Stores `bytes` from `phys_addr` on.
    fn write(&mut self, phys_addr: u64, bytes: &[u8]) -> Result<(), BusError>;
}

/// Memory in 4 KiB pages that exist once they are written; reading or writing a page that was never added is a bus
/// error.
#[derive(Clone, Debug, Default)]
pub struct SparseMemory {
    pages: std::collections::HashMap<u64, Box<[u8; 4096]>>,
}

impl SparseMemory {
    /// No memory anywhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page of zeros; a page that is there keeps its contents.
    pub fn add_page(&mut self, phys_page: u64) {
        self.pages.entry(phys_page).or_insert_with(|| Box::new([0; 4096]));
    }

    /// Takes a page away; accesses to it are bus errors from now on.
    pub fn remove_page(&mut self, phys_page: u64) {
        self.pages.remove(&phys_page);
    }

    /// Whether the page exists.
    pub fn has_page(&self, phys_page: u64) -> bool {
        self.pages.contains_key(&phys_page)
    }

    /// The page's bytes.
    pub fn page(&self, phys_page: u64) -> Option<&[u8; 4096]> {
        self.pages.get(&phys_page).map(|p| &**p)
    }

    /// All pages by number, in no order.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8; 4096])> {
        self.pages.iter().map(|(number, page)| (*number, &**page))
    }

    /// The page's bytes, to be changed.
    pub fn page_mut(&mut self, phys_page: u64) -> Option<&mut [u8; 4096]> {
        self.pages.get_mut(&phys_page).map(|p| &mut **p)
    }
}

impl Memory for SparseMemory {
    fn read(&self, phys_addr: u64, bytes: &mut [u8]) -> Result<(), BusError> {
        let mut at = 0;
        while at < bytes.len() {
            let addr = phys_addr.wrapping_add(at as u64);
            let offset = (addr & 0xFFF) as usize;
            let count = (4096 - offset).min(bytes.len() - at);
            let page = self.pages.get(&(addr >> 12)).ok_or(BusError { phys_addr: addr })?;
            bytes[at..at + count].copy_from_slice(&page[offset..offset + count]);
            at += count;
        }
        Ok(())
    }
}

impl MemoryMut for SparseMemory {
    fn write(&mut self, phys_addr: u64, bytes: &[u8]) -> Result<(), BusError> {
        let mut at = 0;
        while at < bytes.len() {
            let addr = phys_addr.wrapping_add(at as u64);
            let offset = (addr & 0xFFF) as usize;
            let count = (4096 - offset).min(bytes.len() - at);
            let page = self.pages.get_mut(&(addr >> 12)).ok_or(BusError { phys_addr: addr })?;
            page[offset..offset + count].copy_from_slice(&bytes[at..at + count]);
            at += count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_pages_and_names_the_missing_one() {
        let mut memory = SparseMemory::new();
        memory.add_page(1);
        memory.add_page(2);
        memory.write(0x1FFE, &[1, 2, 3, 4]).unwrap();
        assert_eq!(memory.read_u32(0x1FFE), Ok(0x0403_0201));
        assert_eq!(memory.read_u32(0x2FFE), Err(BusError { phys_addr: 0x3000 }));
    }
}
