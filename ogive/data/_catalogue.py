"""The table of named sets: what each one is, where it comes from, and how it may lie here."""

from __future__ import annotations

from dataclasses import dataclass

from ogive.data._layouts import CifarFiles, IdxFiles, InScikitLearn, Layout, PictureShards
from ogive.data._transfer import RemoteFile
from ogive.data._unpack import Member
from ogive.data.cifar import CIFAR10, CIFAR100

_DIGITS = tuple("0123456789")
_IDX_NAMES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
# The class-name files are a few hundred bytes long; nobody depends on how many.
_MOST_TEXT_BYTES = 4096


@dataclass(frozen=True)
class Entry:
    """One named set.

    Parameters
    ----------
    summary : str
        One sentence.
    rows : (int, int)
        Of training and of test set.
    image_shape : (int, int, int)
        Height, width, channels.
    classes : tuple of str
        The names.
    licence : str
        The terms, and what to cite.
    layouts : tuple of Layout
        How it may lie in a folder; an earlier one is preferred.
    source : str, optional
        Where the files are, or the page about them; None for a set that is always here.
    files : tuple of RemoteFile
        What to download.
    members : tuple of Member
        What to take out, where the one file to download is an archive; they get their names in
        this order, so what a layout can do without comes first.
    package : str, optional
        The Debian package that has the files.
    """

    summary: str
    rows: tuple[int, int]
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    licence: str
    layouts: tuple[Layout, ...]
    source: str | None = None
    files: tuple[RemoteFile, ...] = ()
    members: tuple[Member, ...] = ()
    package: str | None = None

    @property
    def download_bytes(self) -> int:
        """How much there is to download."""
        return sum(file.size for file in self.files)

    @property
    def wanted(self) -> str:
        """The files that a folder must hold, in words."""
        return ", ".join(file.name for file in self.members or self.files)


def _idx_files(base: str, *known: tuple[int, str]) -> tuple[RemoteFile, ...]:
    """Return the four files in MNIST's form, whose sizes and checksums are known."""
    return tuple(
        RemoteFile(f"{base}{name}.gz", size, sha256)
        for name, (size, sha256) in zip(_IDX_NAMES, known, strict=True)
    )


# The mirror that torchvision uses too; the original host no longer serves everybody.
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION_MNIST = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_KRIZ = "https://www.cs.toronto.edu/~kriz/"
_KRIZ_LICENCE = (
    "no licence is stated; cite Krizhevsky, Learning Multiple Layers of Features from Tiny Images, "
    "2009"
)

# A new named set is one entry here. Sizes and checksums are those of the TensorFlow Datasets.
CATALOGUE: dict[str, Entry] = {
    "cifar10": Entry(
        summary="Small colour photographs of ten kinds of animals and vehicles.",
        rows=(50_000, 10_000),
        image_shape=(32, 32, 3),
        classes=CIFAR10.names or (),
        licence=_KRIZ_LICENCE,
        layouts=(CifarFiles(CIFAR10), PictureShards()),
        source=f"{_KRIZ}cifar.html",
        files=(
            RemoteFile(
                f"{_KRIZ}cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        members=(
            Member(f"{CIFAR10.folder}/{CIFAR10.names_file}", _MOST_TEXT_BYTES, exact=False),
            *(
                Member(f"{CIFAR10.folder}/{file}", 10_000 * 3073)
                for files in CIFAR10.files.values()
                for file in files
            ),
        ),
    ),
    "cifar100": Entry(
        summary="Small colour photographs of a hundred kinds of things.",
        rows=(50_000, 10_000),
        image_shape=(32, 32, 3),
        classes=(
            *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle"),
            *("bicycle", "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can"),
            *("castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud"),
            *("cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant"),
            *("flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard"),
            *("lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree"),
            *("motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid"),
            *("otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy"),
            *("porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea"),
            *("seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider"),
            *("squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone"),
            *("television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe"),
            *("whale", "willow_tree", "wolf", "woman", "worm"),
        ),
        licence=_KRIZ_LICENCE,
        layouts=(CifarFiles(CIFAR100),),
        source=f"{_KRIZ}cifar.html",
        files=(
            RemoteFile(
                f"{_KRIZ}cifar-100-binary.tar.gz",
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
        members=(
            Member(f"{CIFAR100.folder}/fine_label_names.txt", _MOST_TEXT_BYTES, exact=False),
            Member(f"{CIFAR100.folder}/coarse_label_names.txt", _MOST_TEXT_BYTES, exact=False),
            Member(f"{CIFAR100.folder}/train.bin", 50_000 * 3074),
            Member(f"{CIFAR100.folder}/test.bin", 10_000 * 3074),
        ),
    ),
    "digits": Entry(
        summary="Tiny handwritten digits, 8 by 8 pixels, that ship inside scikit-learn.",
        rows=(1_437, 360),
        image_shape=(8, 8, 1),
        classes=_DIGITS,
        licence=(
            "CC BY 4.0; Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI "
            "Machine Learning Repository, 1998"
        ),
        layouts=(InScikitLearn(),),
    ),
    "fashion-mnist": Entry(
        summary="Grey pictures of ten kinds of clothes and shoes.",
        rows=(60_000, 10_000),
        image_shape=(28, 28, 1),
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        licence="MIT; Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017 (arXiv:1708.07747)",
        layouts=(IdxFiles(bytes((9, 2, 1, 1, 6, 1, 4, 6, 5, 7))),),
        source=_FASHION_MNIST,
        files=_idx_files(
            _FASHION_MNIST,
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        package="dataset-fashion-mnist",
    ),
    "mnist": Entry(
        summary="Grey pictures of handwritten digits, from the mirror that torchvision uses.",
        rows=(60_000, 10_000),
        image_shape=(28, 28, 1),
        classes=_DIGITS,
        licence=(
            "CC BY-SA 3.0; LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to "
            "document recognition, 1998"
        ),
        layouts=(IdxFiles(bytes((7, 2, 1, 0, 4, 1, 4, 9, 5, 9))),),
        source=_MNIST,
        files=_idx_files(
            _MNIST,
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
}
