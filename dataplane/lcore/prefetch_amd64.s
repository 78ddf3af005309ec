#include "textflag.h"

// func prefetch(p *[64]*flow.Entry, n int)
//
// Go has no prefetch that a package may use, and a call per frame would cost what it saves: so one for the burst.
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
loop:
	SUBQ $1, CX
	JLT  done
	MOVQ (SI), AX
	PREFETCHT0 (AX)
	ADDQ $8, SI
	JMP  loop
done:
	RET
