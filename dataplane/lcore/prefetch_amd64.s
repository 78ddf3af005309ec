#include "textflag.h"

// func prefetch(p *[64]*flow.Entry, first, end int)
//
// Go has no prefetch that a package may use, and a call per frame would cost what it saves: so one for several.
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ first+8(FP), AX
	MOVQ end+16(FP), CX
loop:
	CMPQ AX, CX
	JGE  done
	MOVQ (SI)(AX*8), DX
	PREFETCHT0 (DX)
	INCQ AX
	JMP  loop
done:
	RET
