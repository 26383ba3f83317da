package org.openctr.rampart;

import java.util.Iterator;
import javax.xml.namespace.QName;
import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMNamespace;

/** Writes and reads the elements of messages. A client with generated classes needs none of this. */
final class Elements {

    private Elements() {
    }

    /** Adds an element; its name has one of the prefixes that {@link Register} declares, like ctr:Patient. */
    static OMElement add(OMElement parent, String name) {
        int colon = name.indexOf(':');
        OMNamespace namespace = parent.findNamespaceURI(name.substring(0, colon));
        return parent.getOMFactory().createOMElement(name.substring(colon + 1), namespace, parent);
    }

    static OMElement add(OMElement parent, String name, String text) {
        OMElement added = add(parent, name);
        added.setText(text);
        return added;
    }

    /** The first element at a path of local names, like Receipt/NotificationNumber; null when there is none. */
    static OMElement element(OMElement parent, String path) {
        OMElement at = parent;
        for (String name : path.split("/")) {
            Iterator<?> found = at.getChildrenWithLocalName(name);
            if (!found.hasNext()) {
                return null;
            }
            at = (OMElement) found.next();
        }
        return at;
    }

    /** The text of the first element at a path; null when there is none. */
    static String text(OMElement parent, String path) {
        OMElement found = element(parent, path);
        return found == null ? null : found.getText();
    }

    static String attribute(OMElement element, String name) {
        return element.getAttributeValue(new QName(name));
    }
}
