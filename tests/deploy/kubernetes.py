"""Checks the manifests of a folder: against Kubernetes' own schemas, strictly, and against each other.

kubernetes.py FOLDER SCHEMAS
"""
import json
import pathlib
import sys

import jsonschema
import yaml

folder, schemas = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
mistakes = []


class Loader(yaml.SafeLoader):
    """Refuses keys that are given twice, as Kubernetes does."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError(f"a key is given twice: {keys}")
        return super().construct_mapping(node, deep)


def schema_of(document):
    group, _, version = document["apiVersion"].rpartition("/")
    # As the files are called: deployment-apps-v1.json, service-v1.json.
    parts = [document["kind"].lower(), group.split(".")[0], version]
    return schemas / ("-".join(part for part in parts if part) + ".json")


def of_this_folder(uri):
    """What the schemas refer to as if it were on the network lies beside them."""
    return json.loads((schemas / uri.rsplit("/", 1)[1]).read_text())


def check(name, document):
    path = schema_of(document)
    resolver = jsonschema.RefResolver("", None, handlers={"https": of_this_folder})
    validator = jsonschema.Draft7Validator(json.loads(path.read_text()), resolver=resolver)
    for error in validator.iter_errors(document):
        mistakes.append(f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}")


def expect(condition, text):
    if not condition:
        mistakes.append(text)


def load(name):
    return [document for document in yaml.load_all((folder / name).read_text(), Loader) if document]


kustomization = load("kustomization.yaml")[0]
listed = set(kustomization["resources"])
present = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
expect(listed == present, f"kustomization.yaml lists {sorted(listed ^ present)} or does not")

documents = {}
for name in sorted(present):
    for document in load(name):
        documents[document["kind"], document["metadata"]["name"]] = document
        # Not Kubernetes' own, so there is no schema here.
        if document["kind"] != "ServiceMonitor":
            check(name, document)

# What is not valid by itself cannot be looked through further.
if mistakes:
    sys.exit("\n".join(mistakes))

server = documents["StatefulSet", "sightglass"]["spec"]
pod = server["template"]["spec"]
labels = server["template"]["metadata"]["labels"]
container = pod["containers"][0]
ports = {port["name"] for port in container["ports"]}


def selects(selector):
    return selector.items() <= labels.items()


expect(selects(server["selector"]["matchLabels"]), "the StatefulSet does not select its pods")
expect(("Service", server["serviceName"]) in documents, "the StatefulSet names no Service of ours")
expect(("ServiceAccount", pod["serviceAccountName"]) in documents, "the pods name no ServiceAccount of ours")
for (kind, name), document in documents.items():
    spec = document.get("spec", {})
    if kind == "Service":
        expect(selects(spec["selector"]), f"Service {name} selects nothing")
        expect({port["targetPort"] for port in spec["ports"]} <= ports, f"Service {name}: no such port")
    if kind == "PodDisruptionBudget":
        expect(selects(spec["selector"]["matchLabels"]), "the PodDisruptionBudget selects nothing")
    if kind == "NetworkPolicy":
        expect(selects(spec["podSelector"]["matchLabels"]), "the NetworkPolicy selects nothing")
    if kind == "ServiceMonitor":
        services = [d for (k, _), d in documents.items() if k == "Service"]
        wanted = spec["selector"]["matchLabels"].items()
        expect(any(wanted <= s["metadata"]["labels"].items() for s in services), "the ServiceMonitor selects nothing")
        known = {"port", "path", "interval", "scrapeTimeout", "authorization", "relabelings"}
        names = {port["name"] for s in services for port in s["spec"]["ports"]}
        for endpoint in spec["endpoints"]:
            expect(set(endpoint) <= known and endpoint["port"] in names, f"ServiceMonitor: {endpoint}")

volumes = {volume["name"] for volume in pod["volumes"]}
volumes |= {claim["metadata"]["name"] for claim in server["volumeClaimTemplates"]}
mounts = {mount["name"] for mount in container["volumeMounts"]}
expect(mounts == volumes, f"mounts and volumes differ: {sorted(mounts ^ volumes)}")
for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    expect(container[probe]["httpGet"]["port"] in ports, f"{probe}: no such port")
security = container["securityContext"]
expect(security["readOnlyRootFilesystem"] is True, "the root file system can be written")
expect(security["allowPrivilegeEscalation"] is False, "privileges can be gained")
expect(security["capabilities"] == {"drop": ["ALL"]}, "there are capabilities")
expect(pod["securityContext"]["runAsNonRoot"] is True, "it may run as root")
environment = {variable["name"]: variable.get("value") for variable in container["env"]}
expect(environment.get("AUTH") == "required", "everybody is let in")
expect(pod["terminationGracePeriodSeconds"] > 30, "it is killed before its longest shutdown_timeout")

print("\n".join(mistakes))
sys.exit(1 if mistakes else 0)
