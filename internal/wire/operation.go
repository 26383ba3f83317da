package wire

import (
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
)

// OperationOf names the operation whose request a Body holds, as "NotifyImplant".
func OperationOf(content xmldoc.Element) (string, error) {
	for _, o := range wsdl.Operations() {
		if content.Is(NamespaceProtocol, o.Message+"Request") {
			return o.Message, nil
		}
	}
	return "", problem.New(problem.OperationUnknown).In("soap:Body")
}
