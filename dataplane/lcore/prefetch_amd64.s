#include "textflag.h"

// func prefetch(base unsafe.Pointer, p *[64]flow.Place, first, end int)
//
// Go has no prefetch that a package may use, and a call per frame would cost what it saves: so one for several.
TEXT ·prefetch(SB), NOSPLIT, $0-32
	MOVQ base+0(FP), BX
	MOVQ p+8(FP), SI
	MOVQ first+16(FP), AX
	MOVQ end+24(FP), CX
loop:
	CMPQ AX, CX
	JGE  done
	MOVQ (SI)(AX*8), DX
	PREFETCHT0 (BX)(DX*1)
	INCQ AX
	JMP  loop
done:
	RET
