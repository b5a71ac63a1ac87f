"""An object store that speaks S3: MinIO, Swift, Ceph, AWS and their like."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, Self

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from storage.errors import ObjectNotFound, ObjectStoreUnavailable
from storage.objects.protocol import (
    CHUNK_BYTES,
    ObjectInfo,
    check_expiry,
    check_key,
    check_prefix,
    decode_metadata,
    encode_metadata,
)

if TYPE_CHECKING:
    from types import TracebackType

    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import ConnectionPool

# This also bounds how long sending one part may take, hence more than connecting needs.
CONNECT_SECONDS: Final = 8.0
READ_SECONDS: Final = 30.0
POOL_SIZE: Final = 32
PART_BYTES: Final = 5 * 1024 * 1024
"""Size from which objects are sent in parts: the smallest that S3 allows, and quick to send."""

_METADATA_PREFIX: Final = "x-amz-meta-"


_HOPELESS: Final = (ConnectTimeoutError, NameResolutionError, ReadTimeoutError, SSLError)


class _Retry(urllib3.Retry):
    """Few retries, and none after waiting already took as long as anyone wants to wait."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        # A refused connection is of the family of timeouts, but costs nothing to try again.
        if isinstance(error, _HOPELESS) and type(error) is not NewConnectionError:
            raise MaxRetryError(_pool, url or "", error) from error  # type: ignore[arg-type]
        return super().increment(method, url, response, error, _pool, _stacktrace)


def _http_client(read_seconds: float) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        maxsize=POOL_SIZE,
        # Requests are idempotent here, PUT of an object included.
        retries=_Retry(
            total=2,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
        ),
    )


class S3ObjectStore:
    """Objects in one bucket of an S3 server, through the `minio` client.

    An unreachable server is told within about ten seconds.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str,
        secret_key: str,
        secure: bool = True,
        region: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self._secure = secure

        def client(read_seconds: float) -> Minio:
            return Minio(
                endpoint,
                access_key=access_key,
                secret_key=secret_key,
                secure=secure,
                region=region,
                http_client=_http_client(read_seconds),
            )

        self._client = client(READ_SECONDS)
        self._impatient = client(CONNECT_SECONDS)

    def __repr__(self) -> str:
        return f"S3ObjectStore({self.endpoint!r}, {self.bucket!r})"

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        length: int | None = None,
        durable: bool = True,
    ) -> ObjectInfo:
        """Store an object; see `ObjectStore.put`. Durability is the server's: no choice here."""
        check_key(key)
        encoded = encode_metadata(metadata)
        if isinstance(data, bytes):
            if length is not None and length > len(data):
                raise ValueError(f"the data ends after {len(data)} of {length} bytes")
            data = data if length is None else data[:length]
            length = len(data)
            stream: BinaryIO = BytesIO(data)
        else:
            stream = data
        counted = _Counted(stream)
        with self._told(key):
            written = self._client.put_object(
                self.bucket,
                key,
                counted,  # type: ignore[arg-type]
                -1 if length is None else length,
                content_type=content_type,
                metadata={_METADATA_PREFIX + name: value for name, value in encoded.items()},
                part_size=PART_BYTES,
            )
        return ObjectInfo(
            key=key,
            size=counted.taken,
            content_type=content_type,
            metadata=dict(metadata or {}),
            modified=written.last_modified or datetime.now(UTC),
            etag=(written.etag or "").strip('"'),
        )

    def get(self, key: str) -> bytes:
        """Return an object's bytes; see `ObjectStore.get`."""
        with self.open(key) as chunks:
            return b"".join(chunks)

    @contextmanager
    def open(self, key: str, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Iterator[bytes]]:
        """Stream an object; see `ObjectStore.open`."""
        check_key(key)
        with self._told(key):
            response = self._client.get_object(self.bucket, key)
        try:
            yield self._chunks(key, response, chunk_bytes)
        finally:
            # Closing first drops the connection where the body was not read to its end.
            response.close()
            response.release_conn()

    def _chunks(self, key: str, response: BaseHTTPResponse, chunk_bytes: int) -> Iterator[bytes]:
        while True:
            with self._told(key):
                chunk = response.read(chunk_bytes)
            if not chunk:
                # Keeps the connection: it was read to its end.
                response.release_conn()
                return
            yield chunk

    def stat(self, key: str) -> ObjectInfo:
        """Describe an object; see `ObjectStore.stat`."""
        check_key(key)
        try:
            with self._told(key):
                found = self._client.stat_object(self.bucket, key)
        except ObjectNotFound:
            # The answer to a HEAD has no body that would tell a missing key from a missing
            # bucket.
            with self._told(None):
                if not self._client.bucket_exists(self.bucket):
                    raise self._no_bucket() from None
            raise
        headers = {name.lower(): value for name, value in (found.metadata or {}).items()}
        return ObjectInfo(
            key=key,
            size=found.size or 0,
            content_type=found.content_type,
            metadata=decode_metadata(
                {
                    name.removeprefix(_METADATA_PREFIX): value
                    for name, value in headers.items()
                    if name.startswith(_METADATA_PREFIX)
                }
            ),
            modified=found.last_modified,
            etag=(found.etag or "").strip('"'),
        )

    def exists(self, key: str) -> bool:
        """Whether there is such an object; see `ObjectStore.exists`."""
        try:
            self.stat(key)
        except ObjectNotFound:
            return False
        return True

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield objects sorted by key; see `ObjectStore.list`."""
        check_prefix(prefix)
        with self._told(None):
            for found in self._client.list_objects(
                self.bucket, prefix=prefix, recursive=True, start_after=start_after or None
            ):
                yield ObjectInfo(
                    key=found.object_name or "",
                    size=found.size or 0,
                    content_type=None,
                    modified=found.last_modified,
                    etag=(found.etag or "").strip('"'),
                )

    def delete(self, key: str) -> None:
        """Remove an object; see `ObjectStore.delete`."""
        check_key(key)
        try:
            with self._told(key):
                self._client.remove_object(self.bucket, key)
        except ObjectNotFound:
            pass  # some servers answer like this instead of with silence

    def presign_get(self, key: str, expires: timedelta) -> str:
        """Return a signed URL; see `ObjectStore.presign_get`."""
        check_key(key)
        with self._told(key):
            return self._client.presigned_get_object(
                self.bucket, key, expires=check_expiry(expires)
            )

    def ensure_bucket(self) -> None:
        """Make the bucket unless it exists."""
        with self._told(None):
            try:
                self._impatient.make_bucket(self.bucket)
            except S3Error as error:
                if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise
        self.check()

    def check(self) -> None:
        """Raise ObjectStoreUnavailable unless the server lets us list the bucket."""
        # A listing instead of HEAD: the answer to a HEAD has no body that would tell a wrong key
        # from a wrong secret.
        with self._told(None):
            next(iter(self._impatient.list_objects(self.bucket, prefix="artworks-check/")), None)

    # -- errors ---------------------------------------------------------------------------------

    @contextmanager
    def _told(self, key: str | None) -> Iterator[None]:
        """Translate the errors of the client, of HTTP and of the network."""
        try:
            yield
        except S3Error as error:
            self._tell_s3(error, key)
        except (MinioException, json.JSONDecodeError, ElementTree.ParseError) as error:
            raise self._no_s3(error) from error
        except HTTPError as error:
            raise self._unreachable(error) from error
        except ValueError as error:
            # With a key, it may be about what the caller handed in.
            if key is not None:
                raise
            raise self._no_s3(error) from error
        except OSError as error:
            # The client says so where a stream ends early.
            if "not enough data" in str(error):
                raise ValueError(str(error)) from error
            raise ObjectStoreUnavailable(
                f"the object store at {self.endpoint} cannot be reached: {error}; start it, or "
                "correct ARTWORKS_OBJECTS_URL"
            ) from error

    def _tell_s3(self, error: S3Error, key: str | None) -> NoReturn:
        code = error.code or "unknown error"
        where = f"the object store at {self.endpoint}"
        if code in ("NoSuchKey", "NoSuchObject", "NoSuchVersion") and key is not None:
            raise ObjectNotFound(f"{where} holds no object {key!r} in {self.bucket}") from error
        if code == "NoSuchBucket":
            raise self._no_bucket() from error
        told = {
            "InvalidAccessKeyId": "does not know the access key: correct KEY in "
            "ARTWORKS_OBJECTS_URL",
            # Some servers answer like this to an unknown key, too.
            "SignatureDoesNotMatch": "refuses the secret of this access key: correct SECRET, or "
            "KEY, in ARTWORKS_OBJECTS_URL (percent-encoded)",
            "AccessDenied": f"knows the key and denies it the bucket {self.bucket}: give it read "
            "and write access, or correct ARTWORKS_OBJECTS_URL",
            "AuthorizationHeaderMalformed": "expects another region: set region= in "
            "ARTWORKS_OBJECTS_URL",
            "RequestTimeTooSkewed": "refuses our clock: set the time of this machine or of the "
            "server",
        }.get(code, f"answered {code}: {error.message}")
        raise ObjectStoreUnavailable(f"{where} {told}") from error

    def _no_bucket(self) -> ObjectStoreUnavailable:
        return ObjectStoreUnavailable(
            f"the object store at {self.endpoint} has no bucket {self.bucket}: run "
            "`artworks init` to make it, or correct ARTWORKS_OBJECTS_URL"
        )

    def _no_s3(self, error: Exception) -> ObjectStoreUnavailable:
        status: Any = getattr(error, "_code", None) or getattr(error, "status_code", None)
        if isinstance(status, int) and status >= 500:
            return ObjectStoreUnavailable(
                f"the object store at {self.endpoint} fails (HTTP {status}): try again later, or "
                "look into its log"
            )
        return ObjectStoreUnavailable(
            f"what answers at {self.endpoint} does not speak S3: correct the host, the port or "
            "secure= in ARTWORKS_OBJECTS_URL"
        )

    def _unreachable(self, error: HTTPError) -> ObjectStoreUnavailable:
        cause: BaseException = error
        if isinstance(error, MaxRetryError) and error.reason is not None:
            cause = error.reason
        where = f"the object store at {self.endpoint}"
        if isinstance(cause, NameResolutionError):
            told = "has a name that cannot be resolved: correct the host in ARTWORKS_OBJECTS_URL"
        elif isinstance(cause, SSLError) and self._secure and "WRONG_VERSION" in str(cause):
            told = "speaks plain HTTP: add ?secure=0 to ARTWORKS_OBJECTS_URL"
        elif isinstance(cause, SSLError):
            told = f"has no acceptable TLS certificate ({cause}): install it, or use another URL"
        elif (
            isinstance(cause, (ConnectTimeoutError, ReadTimeoutError))
            and type(cause) is not NewConnectionError
        ):
            told = "does not answer in time: start it, or correct ARTWORKS_OBJECTS_URL"
        else:
            told = (
                f"cannot be reached ({_innermost(cause)}): start it, or correct "
                "ARTWORKS_OBJECTS_URL"
            )
        return ObjectStoreUnavailable(f"{where} {told}")


def _innermost(error: BaseException) -> str:
    """Return what the operating system said, without the layers of HTTP around it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


class _Counted:
    """A stream that counts what is taken from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self.taken += len(piece)
        return piece
