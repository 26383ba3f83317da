//go:build race

package endpoint_test

// raceDetector tells that times mean nothing.
const raceDetector = true
