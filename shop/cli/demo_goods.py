"""What the demonstration sells: four shops, thirty products, invented people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Five digits that no list of weak PINs holds; everybody in the demonstration has it.
PIN: Final = "40417"

CATEGORIES: Final = (
    ("tissus", "Tissus", "Fabrics"), ("beaute", "Beauté", "Beauty"), ("epicerie", "Épicerie", "Groceries"),
    ("mode", "Mode", "Fashion"), ("maison", "Maison", "Home"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    phone: str
    country: str
    name: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A seller's shop: the first zone is its whole town, at `delivery`."""

    owner: Person
    name: str
    about: str
    town: str
    quarter: str
    delivery: int
    zones: tuple[tuple[str, str | None, int], ...]


@dataclass(frozen=True, slots=True)
class Good:
    """A product; `article` says what is drawn on its cloth."""

    shop: str
    category: str
    name: str
    price: int
    stock: int
    article: str
    description: str


AMINATA: Final = Person("+2250701020304", "CI", "Aminata Koné")
AWA: Final = Person("+2250505060708", "CI", "Awa Touré")
KOSSI: Final = Person("+2290166001122", "BJ", "Kossi Adjovi")
FATOU: Final = Person("+221771234567", "SN", "Fatou Ndiaye")
MARIAM: Final = Person("+2250102030405", "CI", "Mariam Ouattara")
PEOPLE: Final = (AMINATA, AWA, KOSSI, FATOU, MARIAM)

SHOPS: Final = (
    Shop(AWA, "Pagnes Awa", "Pagnes tissés, wax et bazin choisis un par un.\nJe montre la photo du tissu"
         " que vous recevrez, pas une autre.", "Abidjan", "Cocody", 2000,
         (("Abidjan", "Cocody", 1000), ("Abidjan", "Plateau", 1500), ("Abidjan", "Yopougon", 2500),
          ("Bouaké", None, 3500), ("Yamoussoukro", None, 3500))),
    Shop(KOSSI, "Chez Kossi", "Épicerie du pays : gari, huile rouge, épices et miel.\nTout vient de"
         " producteurs que je connais.", "Cotonou", "Akpakpa", 1000,
         (("Cotonou", "Akpakpa", 500), ("Cotonou", "Cadjèhoun", 1000), ("Porto-Novo", None, 2000),
          ("Abidjan", None, 6000))),
    Shop(FATOU, "Teranga Beauté", "Karité, savons et encens préparés à Dakar par une coopérative de"
         " douze femmes.", "Dakar", "Médina", 1500,
         (("Dakar", "Médina", 1000), ("Dakar", "Parcelles Assainies", 2000), ("Thiès", None, 2500),
          ("Abidjan", None, 6500))),
    Shop(MARIAM, "Atelier Gbêkê", "Paniers, poteries et cuir faits à la main à Bouaké.", "Bouaké",
         "Air France 2", 1000,
         (("Bouaké", "Commerce", 500), ("Abidjan", None, 3000), ("Yamoussoukro", None, 2500))),
)  # fmt: skip

#: Up to how much a shop is paid at the door, in the zones it has quarters for.
AT_DOOR: Final = {"Pagnes Awa": 40_000, "Atelier Gbêkê": 20_000}
#: Where one fetches: name, town, how to find it, when it is open, price.
POINTS: Final = {
    "Pagnes Awa": (
        ("Salon Adjoua", "Abidjan", "Treichville, avenue 12, face à la mosquée",
         "du lundi au samedi, de 9 h à 19 h", 0),
    ),
    "Chez Kossi": (
        ("Kiosque du carrefour", "Cotonou", "Akpakpa, au carrefour du PK3, kiosque vert",
         "tous les jours, de 7 h à 21 h", 200),
    ),
}  # fmt: skip
#: Codes, each a month long: what it takes off in percent, and how often.
CODES: Final = {"Pagnes Awa": (("RENTREE10", 10, 100), ("PAGNE5", 5, 30))}

GOODS: Final = (
    Good("Pagnes Awa", "tissus", "Pagne tissé baoulé, 3 pièces", 24500, 7, "cloth",
         "Coton tissé à la main à Bocanda.\nTrois pièces de 1,80 m sur 1,20 m. Se lave à la main."),
    Good("Pagnes Awa", "tissus", "Wax fleurs de mariage, 6 yards", 12000, 15, "cloth",
         "Pur coton, couleurs qui tiennent. Six yards, soit 5,50 m."),
    Good("Pagnes Awa", "tissus", "Bazin riche, 5 mètres", 27500, 4, "cloth",
         "Bazin damassé déjà battu, brillant. Cinq mètres d’une seule coupe."),
    Good("Pagnes Awa", "tissus", "Kita royal, bande de fête", 45000, 2, "cloth",
         "Tissage serré pour les grandes cérémonies. Une pièce unique."),
    Good("Pagnes Awa", "tissus", "Bogolan décoratif", 15000, 6, "cloth",
         "Teint à la terre et aux feuilles. Pour un mur, un lit ou une veste."),
    Good("Pagnes Awa", "mode", "Chemise homme col brodé", 14000, 9, "shirt",
         "Coton épais, broderie au col. Tailles M, L et XL : dites la vôtre au moment de la livraison."),
    Good("Pagnes Awa", "mode", "Boubou femme trois pièces", 35000, 3, "shirt",
         "Boubou, pagne et foulard assortis. Coupe ample."),
    Good("Pagnes Awa", "mode", "Foulard teint à la main", 4500, 20, "cloth",
         "Un mètre sur un mètre, coton léger."),
    Good("Chez Kossi", "epicerie", "Gari fin de Savalou, 5 kg", 4000, 40, "bag",
         "Gari bien sec et bien fin, récolte de l’année."),
    Good("Chez Kossi", "epicerie", "Huile rouge, 1 litre", 1800, 25, "bottle",
         "Huile de palme pressée au village, non blanchie."),
    Good("Chez Kossi", "epicerie", "Miel de Natitingou, 500 g", 3500, 12, "jar",
         "Miel pur de l’Atacora, récolté sans fumée."),
    Good("Chez Kossi", "epicerie", "Piment séché moulu, 200 g", 1200, 30, "jar",
         "Piment fort, séché au soleil. Une demi-cuillère suffit."),
    Good("Chez Kossi", "epicerie", "Noix de cajou grillées, 1 kg", 6500, 18, "bag",
         "Cajou de Parakou, grillé et légèrement salé."),
    Good("Chez Kossi", "epicerie", "Sodabi artisanal, 75 cl", 5000, 8, "bottle",
         "Alcool de palme distillé deux fois. Vente aux adultes seulement."),
    Good("Chez Kossi", "maison", "Tambour d’appel", 28000, 2, "drum",
         "Bois de teck et peau de chèvre. Hauteur 45 cm."),
    Good("Teranga Beauté", "beaute", "Beurre de karité brut, 1 kg", 3500, 30, "jar",
         "Karité non raffiné, filtré deux fois. Pour la peau et les cheveux."),
    Good("Teranga Beauté", "beaute", "Savon noir, 3 pains", 2500, 24, "soap",
         "Cendre de cabosse, karité et huile de palmiste. Sans parfum."),
    Good("Teranga Beauté", "beaute", "Huile de coco vierge, 25 cl", 3000, 16, "bottle",
         "Pressée à froid. Elle fige au frais : c’est normal."),
    Good("Teranga Beauté", "beaute", "Thiouraye de Dakar, 100 g", 4000, 10, "pot",
         "Encens préparé et mûri trois mois. Une pincée sur la braise."),
    Good("Teranga Beauté", "beaute", "Poudre de baobab, 250 g", 2800, 14, "jar",
         "Pour les jus, les masques et la peau."),
    Good("Teranga Beauté", "epicerie", "Bissap séché, 500 g", 2000, 22, "bag",
         "Fleurs entières, très rouges. De quoi faire six litres."),
    Good("Teranga Beauté", "mode", "Collier de perles Ndiaxass", 7500, 5, "necklace",
         "Perles de verre montées à la main. Longueur 45 cm."),
    Good("Teranga Beauté", "epicerie", "Café Touba, 500 g", 2500, 20, "bag",
         "Café grillé avec le djar et le clou de girofle."),
    Good("Atelier Gbêkê", "maison", "Panier de marché en raphia", 6500, 11, "basket",
         "Anses solides, fond double. Porte dix kilos."),
    Good("Atelier Gbêkê", "maison", "Canari à eau, 10 litres", 9000, 3, "pot",
         "Poterie de Katiola. Garde l’eau fraîche sans courant."),
    Good("Atelier Gbêkê", "maison", "Bol à attiéké en terre cuite", 3000, 16, "bowl",
         "Diamètre 22 cm. Passe au feu doux."),
    Good("Atelier Gbêkê", "mode", "Sandales en cuir tressé", 8500, 10, "sandals",
         "Cuir de Bouaké, semelle cousue. Du 36 au 44 : dites votre pointure au moment de la livraison."),
    Good("Atelier Gbêkê", "epicerie", "Attiéké de Dabou, 2 kg", 2000, 35, "bowl",
         "Frais du matin, grains moyens. À cuire dans les deux jours."),
    Good("Atelier Gbêkê", "epicerie", "Café de Man moulu, 500 g", 3500, 13, "bag",
         "Robusta des montagnes, grillé à Man."),
    Good("Atelier Gbêkê", "maison", "Corbeille tressée à pain", 4000, 0, "basket",
         "Vannerie serrée, 30 cm. La prochaine fournée arrive bientôt."),
)  # fmt: skip
