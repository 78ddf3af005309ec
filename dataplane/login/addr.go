package login

import (
	"fmt"

	"fcredirect/dataplane/frame"
)

// Addr is where a login lives: fabric (4 bits) << 36 | virtual fabric (12 bits) << 24 | FC_ID (24 bits). The virtual
// fabric is the VF_ID of a VFT header when there is one, else the VLAN, 0 when untagged: the same word that the flow
// key has above its S_ID.
type Addr uint64

// At builds an Addr. Bits beyond a field's width are cut off.
func At(fabric uint8, vf uint16, id frame.FCID) Addr {
	return Addr(fabric&0xF)<<36 | Addr(vf&0xFFF)<<24 | Addr(id&0xFFFFFF)
}

// Fabric is the number of the physical fabric, 0 to 15.
func (a Addr) Fabric() uint8 { return uint8(a>>36) & 0xF }

// VF is the virtual fabric: VF_ID or VLAN.
func (a Addr) VF() uint16 { return uint16(a>>24) & 0xFFF }

// ID is the FC_ID.
func (a Addr) ID() frame.FCID { return frame.FCID(a & 0xFFFFFF) }

// String gives fabric, virtual fabric and FC_ID: "0/100/0x010203".
func (a Addr) String() string { return fmt.Sprintf("%d/%d/%s", a.Fabric(), a.VF(), a.ID()) }

// space is the (fabric, virtual fabric) part. A WWPN must be unique within one.
func (a Addr) space() uint64 { return uint64(a) >> 24 }

// learnable says whether an N_Port can have this address. 0 is "none yet", the well-known addresses belong to the
// fabric, and bits above the 40 that are defined mean that somebody built the word by hand.
func (a Addr) learnable() bool {
	id := a.ID()
	return a>>40 == 0 && id != 0 && !id.WellKnown()
}
