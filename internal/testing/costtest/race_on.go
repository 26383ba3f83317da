//go:build race

package costtest

// raceFactor is the slowdown that CPULimit allows for the race detector.
const raceFactor = 15
