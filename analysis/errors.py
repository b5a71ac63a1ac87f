"""What can go wrong in analysis, told in one sentence with the cure."""

from __future__ import annotations

from storage.errors import ArtworksError, ExitCode, UsageError


class AnalysisError(ArtworksError):
    """Base of errors of this package that are no fault of the command."""


class UnknownJob(UsageError):
    """No job has this name."""


class JobRunning(UsageError):
    """Another process runs the same job on the same database."""


class JobBroken(AnalysisError):
    """A job failed on image after image: the fault is its own, and no image is marked."""

    def __init__(self, message: str, job: str) -> None:
        super().__init__(message)
        self.job = job


class ModelChanged(AnalysisError):
    """A model is registered under this name and version with other parameters."""


class NotAColor(UsageError):
    """A text that does not name a colour."""


class WrongSearch(UsageError):
    """A search by colour that contradicts itself, or asks for what does not exist."""


class NoSuchFile(UsageError):
    """A file to describe that cannot be read."""


class NothingToShow(UsageError):
    """A picture was asked for, and no stored work fits."""


class NoSuchModel(UsageError):
    """No model is registered under this name, or in this version."""


class ModelInUse(UsageError):
    """A model that is the default is to be removed."""


class NothingToTrain(UsageError):
    """There are no examples, or too few, of what is to be learned."""


class ArtifactDamaged(AnalysisError):
    """What was trained is not in the object store as it was registered."""

    exit_code = ExitCode.MISMATCH


class ArtifactOutdated(UsageError):
    """What was trained needs another version of a package than is installed."""


class NoEmbeddings(UsageError):
    """Images are to be compared, and none has been embedded."""


class NetworkUnavailable(UsageError):
    """A network, its weights or a package that it needs cannot be had."""


class NetworkDisagrees(AnalysisError):
    """A fast way of running a network does not give what Keras gives."""


class WrongWeights(UsageError):
    """Weights of the parts of likeness that cannot be used."""


class NothingToCompare(UsageError):
    """Pictures are to be compared by what has not been found of one of them."""


class WrongTerms(UsageError):
    """Kinds of terms that do not exist."""


class NoIndex(UsageError):
    """Images are to be searched by an index, and none has been built."""


class WrongAnswers(UsageError):
    """Answers of people that do not belong to a sheet, or cannot be read."""


class WrongClusters(UsageError):
    """Groups are asked for that cannot be found, or do not exist."""


class WrongHead(UsageError):
    """Something is to be learned, told or shown that images have no labels of."""


class WrongDataset(UsageError):
    """Examples are asked for in a way that contradicts itself."""


class NoClassifier(UsageError):
    """Images are to be labelled, and nothing has been trained for it."""


class PictureMissing(AnalysisError):
    """A picture that is to be learned from cannot be read."""


class Diverged(AnalysisError):
    """A training came to scores that are no numbers."""
