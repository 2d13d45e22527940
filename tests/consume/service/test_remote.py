"""The Python client: the local connection's interface over HTTP, its errors the same classes."""

import socket
import ssl
import subprocess
from datetime import date
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest
from tests.consume.conftest import TUESDAY
from tests.consume.service.conftest import Served, serving

import dagmesh as dm
from dagmesh.consume.remote import RemoteConnection
from dagmesh.consume.service.limits import Limits
from dagmesh.errors import AccessRefused, MeshError, NotPublished, QueryLimit, QueryRefused
from dagmesh.model.mesh import Mesh


@pytest.fixture
def mesh_at(served: Served) -> RemoteConnection:
    return dm.connect(f"http://127.0.0.1:{served.port}", token="finance", purpose="close the books")


def test_it_reads_what_the_local_connection_reads(served: Served, mesh_at: RemoteConnection) -> None:
    local = dm.connect(served.mesh.root, reader="finance")

    for read in (mesh_at.read, local.read):
        assert sorted(read("orders.orders").fetchall()) == sorted(local.read("orders.orders@1").fetchall())
        assert read("orders.orders", days=[TUESDAY]).project("ordered_on").fetchall() == [(date(2026, 11, 17),)]
    assert (
        mesh_at.sql("select sum(total_eur) from orders.orders").fetchall()
        == local.sql("select sum(total_eur) from orders.orders").fetchall()
    )
    assert mesh_at.read("orders.orders").types == local.read("orders.orders").types


def test_a_query_says_what_it_is_computed_from(mesh_at: RemoteConnection) -> None:
    rows, readings = mesh_at.query("select count(*) from orders.orders")

    assert rows.fetchall() == [(4,)]
    assert [(str(reading.address), reading.hidden) for reading in readings] == [("orders.orders@1#0", frozenset())]


def test_the_purpose_is_recorded(served: Served, mesh_at: RemoteConnection) -> None:
    mesh_at.sql("select 1 from orders.orders where order_id = 77")

    assert [line["purpose"] for line in served.log if "address" in line][-1] == "close the books"


def break_off_before_the_end(server: socket.socket) -> None:
    """Answer one request with all rows of an Arrow stream, and close before HTTP's own end of the answer."""
    rows = pa.BufferOutputStream()
    with pa.ipc.new_stream(rows, pa.schema([("n", pa.int64())])) as stream:
        stream.write(pa.record_batch({"n": [1]}))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ndagmesh-reads: []\r\ndagmesh-query: q1\r\n\r\n"
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        sent = next(int(line.split()[1]) for line in request if line.lower().startswith(b"content-length"))
        assert list(iter(request.readline, b"\r\n"))  # the other headers
        request.read(sent)
        connection.sendall(head + f"{rows.tell():x}\r\n".encode() + rows.getvalue().to_pybytes() + b"\r\n")


def test_an_answer_is_read_to_its_end_and_not_only_to_its_last_row() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = Thread(target=break_off_before_the_end, args=(server,))
        answering.start()
        with pytest.raises(QueryLimit, match=r"The answer broke off: .* Its log says more of q1"):
            dm.connect(f"http://127.0.0.1:{server.getsockname()[1]}", token="finance").sql("select 1 from orders.orders")
        answering.join()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("drop table x", QueryRefused),
        ("select nope from orders.orders", QueryRefused),
        ("select * from customers.profiles", AccessRefused),
        ("select * from orders.nothing", NotPublished),
        ("select '" + "x" * 100_001 + "'", QueryLimit),
    ],
)
def test_an_error_is_the_class_that_it_is_locally(mesh_at: RemoteConnection, statement: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        mesh_at.sql(statement)

    assert type(caught.value) is kind
    if isinstance(caught.value, AccessRefused):
        assert (caught.value.reader, caught.value.address) == ("finance", "customers.profiles@1")


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(MeshError, match="is not sent in the clear"):
        dm.connect("http://data.example.org", token="secret")


def test_a_service_that_is_not_there_is_said(served: Served) -> None:
    with pytest.raises(MeshError, match="does not answer"):
        dm.connect("http://127.0.0.1:9", token="x").sql("select 1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-made certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "cert.pem", folder / "key.pem"
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=dagmesh"]
    extra = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *words, *extra, "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    return made


def test_tls_is_verified(shop_mesh: Mesh, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate
    with serving(shop_mesh, Limits(workers=1, memory_mb=512), ssl_certfile=cert, ssl_keyfile=key) as served:
        url = f"https://127.0.0.1:{served.port}"
        with pytest.raises(MeshError, match="CERTIFICATE_VERIFY_FAILED"):
            dm.connect(url, token="finance").sql("select 1")
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))

        rows = dm.connect(url, token="finance").sql("select count(*) from orders.orders").fetchall()

    assert rows == [(4,)]
    assert ssl.get_default_verify_paths().cafile == str(cert)
