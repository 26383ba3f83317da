package org.openctr.rampart;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.namespace.QName;
import org.apache.axiom.om.OMElement;
import org.apache.axis2.AxisFault;

/**
 * What a fault tells.
 *
 * @param code       the code of the error, like RULES_VIOLATED
 * @param message    the error in English; it is there in Dutch, French and German as well
 * @param violations everything that was found, each with its code and its place in the request
 */
record Refusal(String code, String message, List<Violation> violations) {

    private static final QName LANGUAGE = new QName(XMLConstants.XML_NS_URI, "lang");

    /** One thing that is wrong; path is an XPath into the request. */
    record Violation(String code, String path) {
    }

    /** Reads all of the detail; AxisFault.getDetail() is its first element only, and the violations are the second. */
    static Refusal of(AxisFault fault) {
        String code = "";
        String message = fault.getMessage();
        List<Violation> violations = new ArrayList<>();
        for (OMElement part : elements(fault.getFaultDetailElement())) {
            if (part.getLocalName().equals("Violations")) {
                for (OMElement violation : elements(part)) {
                    violations.add(new Violation(
                        Elements.attribute(violation, "Code"), Elements.attribute(violation, "Path")));
                }
                continue;
            }
            code = Elements.text(part, "Code");
            for (OMElement text : elements(part)) {
                if (text.getLocalName().equals("Message") && "en".equals(text.getAttributeValue(LANGUAGE))) {
                    message = text.getText();
                }
            }
        }
        return new Refusal(code, message, violations);
    }

    private static List<OMElement> elements(OMElement parent) {
        List<OMElement> elements = new ArrayList<>();
        for (Iterator<?> children = parent.getChildElements(); children.hasNext();) {
            elements.add((OMElement) children.next());
        }
        return elements;
    }
}
