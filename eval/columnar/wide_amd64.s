//go:build !purego

#include "textflag.h"

// OUTSIDE sets all bits of the integers that are below Y0 or above Y1.
#define OUTSIDE(at, out, tmp) \
	VMOVDQU at(SI), tmp; \
	VPCMPGTQ tmp, Y0, out; \
	VPCMPGTQ Y1, tmp, tmp; \
	VPOR tmp, out, out

// In all of the loops on codes Y0 is lo and Y1 span, repeated, and Y2 is 1 in every byte. A
// code x is inside when x-lo, which wraps, is its own minimum with span.

// func insideBytesWide(dst, src *uint8, n int, lo, span uint8)
TEXT ·insideBytesWide(SB), NOSPLIT, $0-26
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTB lo+24(FP), Y0
	VPBROADCASTB span+25(FP), Y1
	VPCMPEQB Y2, Y2, Y2
	VPABSB Y2, Y2

bytes:
	VMOVDQU (SI), Y3
	VPSUBB Y0, Y3, Y3
	VPMINUB Y1, Y3, Y4
	VPCMPEQB Y3, Y4, Y4
	VPAND Y2, Y4, Y4
	VMOVDQU Y4, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JNZ bytes
	VZEROUPPER
	RET

// func insideHalvesWide(dst *uint8, src *uint16, n int, lo, span uint16)
TEXT ·insideHalvesWide(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTW lo+24(FP), Y0
	VPBROADCASTW span+26(FP), Y1
	VPCMPEQB Y2, Y2, Y2
	VPABSB Y2, Y2

halves:
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4
	VPSUBW Y0, Y3, Y3
	VPSUBW Y0, Y4, Y4
	VPMINUW Y1, Y3, Y5
	VPMINUW Y1, Y4, Y6
	VPCMPEQW Y3, Y5, Y5
	VPCMPEQW Y4, Y6, Y6
	VPACKSSWB Y6, Y5, Y5
	VPERMQ $0xd8, Y5, Y5 // packing goes by half registers
	VPAND Y2, Y5, Y5
	VMOVDQU Y5, (DI)
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JNZ halves
	VZEROUPPER
	RET

DATA unpacked<>+0(SB)/8, $0x0000000400000000
DATA unpacked<>+8(SB)/8, $0x0000000500000001
DATA unpacked<>+16(SB)/8, $0x0000000600000002
DATA unpacked<>+24(SB)/8, $0x0000000700000003
GLOBL unpacked<>(SB), RODATA|NOPTR, $32

// func insideWordsWide(dst *uint8, src *uint32, n int, lo, span uint32)
TEXT ·insideWordsWide(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVL lo+24(FP), AX
	VMOVD AX, X0
	VPBROADCASTD X0, Y0
	MOVL span+28(FP), AX
	VMOVD AX, X1
	VPBROADCASTD X1, Y1
	VPCMPEQB Y2, Y2, Y2
	VPABSB Y2, Y2
	VMOVDQU unpacked<>(SB), Y11

words:
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4
	VMOVDQU 64(SI), Y5
	VMOVDQU 96(SI), Y6
	VPSUBD Y0, Y3, Y3
	VPSUBD Y0, Y4, Y4
	VPSUBD Y0, Y5, Y5
	VPSUBD Y0, Y6, Y6
	VPMINUD Y1, Y3, Y7
	VPMINUD Y1, Y4, Y8
	VPMINUD Y1, Y5, Y9
	VPMINUD Y1, Y6, Y10
	VPCMPEQD Y3, Y7, Y7
	VPCMPEQD Y4, Y8, Y8
	VPCMPEQD Y5, Y9, Y9
	VPCMPEQD Y6, Y10, Y10
	VPACKSSDW Y8, Y7, Y7
	VPACKSSDW Y10, Y9, Y9
	VPACKSSWB Y9, Y7, Y7
	VPERMD Y7, Y11, Y7 // packing goes by half registers
	VPAND Y2, Y7, Y7
	VMOVDQU Y7, (DI)
	ADDQ $128, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JNZ words
	VZEROUPPER
	RET

// func insideIntsWide(dst *uint8, src *int64, n int, lo, hi int64)
TEXT ·insideIntsWide(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTQ lo+24(FP), Y0
	VPBROADCASTQ hi+32(FP), Y1
	VPCMPEQB Y2, Y2, Y2
	VPABSB Y2, Y2

ints:
	OUTSIDE(0, Y3, Y7)
	OUTSIDE(32, Y4, Y7)
	VSHUFPS $0x88, Y4, Y3, Y3
	OUTSIDE(64, Y4, Y7)
	OUTSIDE(96, Y5, Y7)
	VSHUFPS $0x88, Y5, Y4, Y4
	VPACKSSDW Y4, Y3, Y3
	OUTSIDE(128, Y4, Y7)
	OUTSIDE(160, Y5, Y7)
	VSHUFPS $0x88, Y5, Y4, Y4
	OUTSIDE(192, Y5, Y7)
	OUTSIDE(224, Y6, Y7)
	VSHUFPS $0x88, Y6, Y5, Y5
	VPACKSSDW Y5, Y4, Y4
	VPACKSSWB Y4, Y3, Y3
	VPANDN Y2, Y3, Y3
	VEXTRACTI128 $1, Y3, X4 // packing went by half registers, two integers each
	VPUNPCKLWD X4, X3, X5
	VPUNPCKHWD X4, X3, X6
	VMOVDQU X5, (DI)
	VMOVDQU X6, 16(DI)
	ADDQ $256, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JNZ ints
	VZEROUPPER
	RET

// func wideRegisters() bool
TEXT ·wideRegisters(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	MOVL $0, AX
	CPUID
	CMPL AX, $7
	JLT no
	MOVL $1, AX
	XORL CX, CX
	CPUID
	ANDL $0x18000000, CX // AVX, and XGETBV may be asked
	CMPL CX, $0x18000000
	JNE no
	XORL CX, CX
	XGETBV
	ANDL $6, AX // the system saves the registers
	CMPL AX, $6
	JNE no
	MOVL $7, AX
	XORL CX, CX
	CPUID
	ANDL $0x20, BX // AVX2
	JZ no
	MOVB $1, ret+0(FP)

no:
	RET
