//go:build race

package endpoint_test

// raceDetector is set if the race detector makes measured times meaningless.
const raceDetector = true
