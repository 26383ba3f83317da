package cms

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// AES key wrap (RFC 3394 section 2.2).

const wrapBlock = 8 // bytes

// wrapIV is the initial value, with which unwrapping verifies the key (section 2.2.3.1).
var wrapIV = bytes.Repeat([]byte{0xa6}, wrapBlock)

// wrapKey encrypts a key of at least 16 bytes, a multiple of 8.
func wrapKey(block cipher.Block, key []byte) []byte {
	wrapped := append(bytes.Clone(wrapIV), key...)
	n := uint64(len(key) / wrapBlock)
	var b [2 * wrapBlock]byte
	for step := uint64(1); step <= 6*n; step++ {
		register := wrapped[(step-1)%n*wrapBlock+wrapBlock:][:wrapBlock]
		copy(b[:], wrapped[:wrapBlock])
		copy(b[wrapBlock:], register)
		block.Encrypt(b[:], b[:])
		binary.BigEndian.PutUint64(wrapped, binary.BigEndian.Uint64(b[:])^step)
		copy(register, b[wrapBlock:])
	}
	return wrapped
}

// unwrapKey decrypts a key into one of the wanted length, and returns 1 if it is what was wrapped, otherwise 0. A
// wrapped key of another length, which anyone can see, gives 0.
func unwrapKey(block cipher.Block, wrapped, key []byte) int {
	if len(wrapped) != len(key)+wrapBlock {
		return 0
	}
	plain := bytes.Clone(wrapped)
	n := uint64(len(key) / wrapBlock)
	var b [2 * wrapBlock]byte
	for step := 6 * n; step >= 1; step-- {
		register := plain[(step-1)%n*wrapBlock+wrapBlock:][:wrapBlock]
		binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(plain)^step)
		copy(b[wrapBlock:], register)
		block.Decrypt(b[:], b[:])
		copy(plain, b[:wrapBlock])
		copy(register, b[wrapBlock:])
	}
	isRight := subtle.ConstantTimeCompare(plain[:wrapBlock], wrapIV)
	subtle.ConstantTimeCopy(isRight, key, plain[wrapBlock:])
	return isRight
}
