package soapdoor

import "github.com/openctr/ctr/internal/texts"

var expected = texts.Declare1[string]("detail.expected", "expected")
