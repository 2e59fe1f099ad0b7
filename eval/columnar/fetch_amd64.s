//go:build !purego

#include "textflag.h"

// func fetch(of *column, n, lo, hi int)
TEXT ·fetch(SB), NOSPLIT, $0-32
	MOVQ of+0(FP), DI
	MOVQ n+8(FP), SI
	MOVQ lo+16(FP), R8
	MOVQ hi+24(FP), R9
	DECQ R9

next:
	MOVQ (DI), AX
	MOVQ 8(DI), CX
	MOVQ R8, DX
	SHLQ CX, DX
	ADDQ AX, DX
	MOVQ R9, BX
	SHLQ CX, BX
	ADDQ AX, BX
	PREFETCHT0 (BX)

more:
	CMPQ DX, BX
	JAE done
	PREFETCHT0 (DX)
	ADDQ $64, DX
	JMP more

done:
	ADDQ $16, DI
	DECQ SI
	JNZ next
	RET
