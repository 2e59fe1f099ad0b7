//go:build !purego

#include "textflag.h"

// The lowest bit of every byte becomes its highest, which PMOVMSKB gathers.

// func packWordsWide(dst *uint64, mask *uint8, n int)
TEXT ·packWordsWide(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ mask+8(FP), SI
	MOVQ n+16(FP), CX

words:
	MOVOU (SI), X0
	MOVOU 16(SI), X1
	MOVOU 32(SI), X2
	MOVOU 48(SI), X3
	PSLLQ $7, X0
	PSLLQ $7, X1
	PSLLQ $7, X2
	PSLLQ $7, X3
	PMOVMSKB X0, AX
	PMOVMSKB X1, BX
	PMOVMSKB X2, R8
	PMOVMSKB X3, R9
	SHLQ $16, BX
	SHLQ $32, R8
	SHLQ $48, R9
	ORQ BX, AX
	ORQ R9, R8
	ORQ R8, AX
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ words
	RET
