package ctr

import (
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
)

// OperationName returns the name of the operation whose request is the given child of the Body, such as
// "NotifyImplant".
func OperationName(content xmldoc.Element) (string, error) {
	for _, o := range wsdl.Operations() {
		if content.Is(NamespaceProtocol, o.Message+"Request") {
			return o.Message, nil
		}
	}
	return "", problem.New(problem.OperationUnknown).WithPath("soap:Body")
}
