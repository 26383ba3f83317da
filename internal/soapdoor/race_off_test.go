//go:build !race

package soapdoor_test

// raceDetector is set if the race detector makes measured times meaningless.
const raceDetector = false
