// Everything that the page says, in French.

const plural = (count, one, many) => `${count.toLocaleString("fr-FR")} ${Math.abs(count) < 2 ? one : many}`;

export default {
  // the frame
  skip: "Aller au contenu", language: "Langue", viewsLabel: "Vues", figures: "Chiffres clés", open: "Ouvrir", key: "Clé d’API",
  keyTitle: "Votre clé, s’il vous plaît", keyWhy: "Ce service est protégé. La clé reste dans cet onglet jusqu’à sa fermeture.", forget: "Oublier la clé",
  refused: "Cette clé n’est pas acceptée. Vérifiez-la, ou demandez-en une autre.", footer: "Les prévisions sont des fourchettes, pas des promesses\u00a0: chacune dit son degré de certitude.",
  views: { forecast: "Prévision", people: "Qui appeler", channels: "Ce qui rapporte", record: "Avions-nous raison\u202f?", alerts: "Alertes" },
  waiting: { offline: (seconds) => `Pas de connexion au service. Nouvel essai toutes les ${seconds}\u00a0s.`, busy: (seconds) => `Le service est occupé. Nouvel essai dans ${seconds}\u00a0s.` },
  loading: "Chargement…", asTable: "Voir le tableau", showAll: (count) => `Voir les ${count.toLocaleString("fr-FR")} lignes`,
  sorted: (column, down) => `Trié par ${column}, ordre ${down ? "décroissant" : "croissant"}`, asOf: (day) => `Au ${day}`, all: "Tous", yes: "oui", no: "non",

  // numbers
  under: (value) => `moins de ${value}`, over: (value) => `plus de ${value}`, range: (low, high) => `${low} à ${high}`, per: (unit) => `par ${{ day: "jour" }[unit] ?? unit}`, pair: (what, value) => `${what}\u00a0: ${value}`,
  span: (shown, unit, value) => `${shown} ${unit === "months" ? "mois" : Math.abs(value) < 2 ? "jour" : "jours"}`, days: (shown, value) => `${shown} ${Math.abs(value) < 2 ? "jour" : "jours"}`,
  points: (shown, value) => `${shown} ${Math.abs(value) < 2 ? "point" : "points"}`,
  times: (count) => `${count} fois`,

  // figures
  target: (value) => `Objectif ${value}`, onTarget: (likely) => `probable à ${likely}`, missing: "Inconnu\u00a0:",
  comparedWith: (what) => `Comparé à\u00a0: ${what}.`,
  aboutFigures: (missing) => `Comment ces chiffres sont comptés${missing ? `, et ${plural(missing, "chiffre qui manque", "chiffres qui manquent")}` : ""}`,

  // forecast
  quantities: { sales: "Ventes", pipeline: "Affaires", cash: "Trésorerie" },
  fanTitle: { sales: "Ventes, passé et prévision", pipeline: "Affaires gagnées, passé et prévision", cash: "Encaissements moins décaissements, passé et prévision" },
  partsOf: "De quoi c’est fait", partsTitle: { sales: "Ventes par composante", pipeline: "Affaires gagnées par composante", cash: "Trésorerie par composante" },
  parts: (list) => `Attendu sur l’horizon\u00a0: ${list}.`, periodChoice: "Périodes", weeks: "Semaines", months: "Mois",
  each: { week: "par semaine", month: "par mois" }, period: { week: "Semaine du", month: "Mois" }, periodAxis: { week: "semaine du", month: "mois" }, amountEach: { week: (unit) => `${unit} par semaine`, month: (unit) => `${unit} par mois` },
  total: (from, to, mean, middle, low, high) => `Du ${from} au ${to}\u00a0: ${mean} attendus (médiane ${middle})\u202f; avec une probabilité de 80\u202f%, entre ${low} et ${high}.`,
  scenarioTotal: (mean, middle, low, high) => `Dans le scénario\u00a0: ${mean} (médiane ${middle})\u202f; entre ${low} et ${high}.`,
  begun: {
    week: (start, known) => `La semaine du ${start} avait commencé\u00a0: ${known} en sont connus, le reste est prévu.`,
    month: (start, known) => `Le mois qui débutait le ${start} avait commencé\u00a0: ${known} en sont connus, le reste est prévu.`,
  },
  leftOut: {
    week: (start, middle) => `La première semaine est incomplète\u00a0: elle commence le ${start}. La courbe l’omet (${middle} en médiane)\u202f; les totaux la comptent.`,
    month: (start, middle) => `Le premier mois est incomplet\u00a0: il commence le ${start}. La courbe l’omet (${middle} en médiane)\u202f; les totaux le comptent.`,
  },
  actual: "Réalisé", likely: "Médiane", futures: (level) => `${level} des avenirs`, scenario: "Scénario", actualValue: (amount) => `Réalisé\u00a0: ${amount}`, likelyValue: (amount) => `Médiane\u00a0: ${amount}`,
  scenarioValue: (amount, range) => `Scénario\u00a0: ${amount} (80\u202f%\u00a0: ${range})`, low80: "80\u202f% bas", high80: "80\u202f% haut", low90: "90\u202f% bas", high90: "90\u202f% haut",
  balanceTitle: "Solde du compte", balanceAxis: (unit) => `solde, ${unit}`, endAxis: "jusqu’au", riskAxis: "probabilité", belowZero: "Sous zéro", belowFloor: "Sous le plancher",
  floor: (amount) => `Plancher ${amount}`, zeroValue: (risk) => `Sous zéro\u00a0: ${risk}`, floorValue: (risk) => `Sous le plancher\u00a0: ${risk}`,
  shortfall: (risk) => `Probabilité que le solde passe sous zéro à un moment\u00a0: ${risk}.`,
  shortfallFloor: (risk, floor) => `Sous le plancher de ${floor}\u00a0: ${risk}.`, firstWeek: (day) => `S’il passe sous zéro, c’est une fois sur deux d’ici la semaine du ${day}.`,
  notModelled: (count) => `Non modélisé\u00a0: ${plural(count, "composante", "composantes")}`,
  whatIf: "Et si…", whatIfSaid: "Déplacez un curseur\u00a0: le service tire à nouveau les mêmes avenirs selon votre hypothèse.", reset: "Revenir au plan", asPlanned: "comme prévu", unchanged: "comme prévu.",
  levers: { win_rate: "Taux de gain", new_deals: "Nouvelles affaires", payment_delay_days: "Paiements retardés de", spend: "Dépenses marketing" },
  differs: (mean, range) => `${mean} en moyenne sur l’horizon (80\u202f% des avenirs\u00a0: ${range}).`,
  riskDiffers: (zero, floor) => `Risque de passer sous zéro\u00a0: ${zero}${floor && `\u202f; sous le plancher\u00a0: ${floor}`}.`,

  // who to call
  listChoice: "Liste", lists: { churn: "Clients à garder", leads: "Prospects chauds", invoices: "Factures à relancer", deals: "Affaires à conclure" },
  listPurpose: {
    churn: (byGain) => `Les clients qui pourraient partir${byGain ? ", dans l’ordre de ce qu’un appel devrait rapporter" : ""}.`,
    leads: (byGain) => `Les prospects qui pourraient acheter${byGain ? ", dans l’ordre de ce qu’un appel devrait rapporter" : ""}.`,
    invoices: () => "Les factures ouvertes dont le paiement compte le plus pour le solde.", deals: () => "Les affaires dont l’argent compte le plus pour le solde.",
  },
  filters: { channel: "Canal", owner: "Responsable", segment: "Segment" }, copy: "Copier", download: "Télécharger le CSV", copied: (count) => `${plural(count, "ligne copiée", "lignes copiées")}.`,
  notCopied: "Le navigateur n’a pas permis la copie. Téléchargez plutôt le fichier.", notDownloaded: "Le fichier n’a pas pu être téléchargé. Réessayez.", downloaded: (name) => `${name} est téléchargé.`,
  listed: (shown, total) => (shown === total ? `${plural(total, "ligne", "lignes")}.` : `${shown.toLocaleString("fr-FR")} sur ${plural(total, "ligne", "lignes")}.`),
  profitTitle: "Profit attendu selon la longueur de la liste", profit: (mean, level, low, high) => `Profit attendu de cette liste\u00a0: ${mean} (intervalle à ${level}\u00a0: ${low} à ${high}).`, sizeAxis: "contacts appelés", profitAxis: "profit attendu",
  leftOutSaid: (list) => `Laissés de côté\u00a0: ${list}.`, nobodyLeftOut: "Personne n’a été laissé de côté.", assumptions: "Ce qui est supposé",
  leftOutFor: {
    opted_out: (count) => plural(count, "contact opposé au démarchage", "contacts opposés au démarchage"), disqualified: (count) => plural(count, "contact disqualifié", "contacts disqualifiés"),
    no_value: (count) => `${count.toLocaleString("fr-FR")} sans valeur connue`, unmatched: (count) => `${count.toLocaleString("fr-FR")} absents des contacts`,
  },
  contact: "Contact", invoice: "Facture", deal: "Affaire", amount: "Montant", dueAt: "Échéance", daysLate: "Jours de retard", expectedPaid: "Paiement attendu", stage: "Étape", wins: "Gagnée", grade: "Note", reasons: "Pourquoi",
  expectedLoss: "Perte attendue", expectedValue: "Valeur attendue", leaves: "Part", buys: "Achète", gain: "Gain d’un appel", neverPaid: "Jamais payée", lowersZero: "Baisse du risque sous zéro", lowersFloor: "Baisse du risque sous le plancher",

  // what earns
  earnings: { credits: "Crédit par canal", economics: "Coûts et retours", segments: "Ce que valent les clients", journeys: "Parcours", moves: "Passages entre canaux", retention: "Fidélité par canal" },
  method: "Méthode", methods: { first: "Premier clic", last: "Dernier clic", last_non_direct: "Dernier clic hors direct", linear: "Linéaire", position: "Selon la position", time_decay: "Décroissance", markov: "Markov", shapley: "Shapley" },
  creditsTitle: "Conversions créditées à chaque canal", credited: (count, value) => `${count} conversions d’une valeur de ${value} sont réparties.`,
  questions: { descriptive: "Cela décrit les parcours\u202f; cela ne dit pas ce qui arriverait sans un canal.", predictive: "On demande comment les conversions changeraient sans un canal, autant que les parcours le disent\u202f; ce n’est pas une expérience." },
  creditAxis: "conversions créditées", conversions: "Conversions", intervalTitle: "Intervalle", shareTitle: "Part", value: "Valeur", channel: "Canal", errorBars: (level) => `Barres d’erreur\u00a0: intervalles à ${level}.`, compared: "À quel point l’ordre est sûr",
  untouched: (count, value) => `${count} conversions (${value}) n’ont eu aucun contact et ne sont créditées à aucun canal.`,
  economicsSaid: (level) => `Sous chaque chiffre, son intervalle à ${level}. Direct\u00a0: les clients selon le canal qui les a amenés\u202f; attribué\u00a0: selon leur crédit\u202f; assisté\u00a0: tous ceux que le canal a touchés.`,
  spend: "Dépense", customers: "Clients", cac: { direct: "CAC direct", attributed: "CAC attribué", assisted: "CAC assisté" }, roas: "ROAS", clvCac: "CLV / CAC", payback: "Retour, mois", notYet: "pas encore",
  blended: (cac, range, roas) => `Tous canaux confondus, un nouveau client coûte ${cac} (${range})\u202f; une unité dépensée en rapporte ${roas}.`,
  journeyTypes: "Types de parcours", journeyType: "Parcours", journeysTitle: "Parcours", conversionRate: "Convertit", daysToConvert: "Jours avant conversion", valuePerJourney: "Valeur par parcours",
  segmentedBy: "Par", segmentsTitle: (title) => `Valeur attendue d’un client par ${title.toLowerCase()}`, segmentsSaid: (days, level) => `Ce qu’un client devrait rapporter dans les ${days} prochains jours, avec des intervalles à ${level}.`, meanClv: "Valeur par client", totalClv: "Valeur totale",
  flowTitle: "Du premier contact à l’issue", flowSaid: (journeys, conversions, rate) => `${journeys} parcours, dont ${conversions} convertis (${rate}).`, journeys: (count) => `${count} parcours`,
  ends: { converted: "converti", open: "en cours", not_converted: "non converti" }, from: "De", to: "Vers", touch: (step) => `Contact ${step}`, outcome: "Issue", touchOf: (step, channel) => `Contact ${step}\u00a0: ${channel}`,
  today: "Achète aujourd’hui", everyone: "Tous", movesSaid: (days) => `Où les clients achèteront d’ici ${days} jours, selon où ils achètent aujourd’hui. Sous chaque part, son intervalle.`, movesCaption: (days) => `Passages entre canaux d’ici ${days} jours`,
  retentionSaid: (days) => `Parmi les clients amenés par chaque canal\u00a0: ceux restés silencieux ${days} jours, et ceux qui ont acheté autant de mois après le premier achat.`, churned: "Silencieux", stillBuying: (months) => `Achète au mois ${months}`,

  // how right we were
  records: { forecasts: "Les fourchettes ont-elles tenu\u202f?", answers: "Les probabilités se sont-elles réalisées\u202f?", models: "Modèles en service", drift: "Ce qui a changé" },
  coverageTitle: "Combien de fois les fourchettes ont tenu", coverageSaid: "Les points sur la ligne pointillée ont tenu parole\u202f; barres d’erreur\u00a0: intervalles à 90\u202f%.", promised: "comme promis", bandOf: (level) => `fourchette à ${level}`, nominalAxis: "promis", heldAxis: "tenu", quantity: "Grandeur", weeksAhead: "Semaines à l’avance", heldByLead: "Fourchettes selon l’avance",
  notJudged: (count) => `Non jugé\u00a0: ${count}`, predicted: "Prédit", observed: "Observé", observedInterval: "observé, avec son intervalle", diagonal: "comme prédit", count: "Cas",
  answersGiven: "Réponses données jusqu’ici", answersTitle: "Réponses", meanPredicted: "Prédit en moyenne", model: "Modèle", version: "Version", versionOf: (model, version, days) => `${model}, version ${version}, ${days} jours`,
  calibrationTitle: (name) => `Prédit et observé\u00a0: ${name}`, calibrationSaid: (count, predicted, observed) => `${count} réponses\u00a0: ${predicted} prédits en moyenne, ${observed} observés.`,
  roles: { challenger: "appris", baseline: "règle simple", champion: "appris" }, trainedAsOf: "Faits jusqu’au", age: "Âge", metrics: "Qualité, hors échantillon", cardOf: (model) => `Fiche\u00a0: ${model}`,
  metricNames: { roc_auc: "ROC-AUC", brier: "score de Brier", brier_win: "score de Brier", calibration_slope: "pente de calibration", lift_at_10pct: "lift à 10\u202f%", bias_pct: "biais", mae: "erreur absolue moyenne", log_loss: "log-loss", coverage_80: "fourchettes à 80\u202f% tenues", median_absolute_error: "erreur médiane" },
  driftSaid: (changed, all, then, now) => `${changed} sur ${plural(all, "colonne a", "colonnes ont")} changé de façon certaine et notable${then && now ? ` entre le ${then} et le ${now}` : ""}.`, column: "Colonne", driftEffect: "Effet, 0 à 1", qValue: "valeur q", drifted: "Changé",

  // alerts
  alertCount: (count) => (count ? plural(count, "alerte", "alertes") : "Aucune alerte\u00a0: rien ne dévie."), effect: "Effet", action: "Que faire", effectUnknown: "inconnu en argent",
  severities: { error: "Urgent", warning: "Attention", note: "Note" },
  kinds: { outside_band: "hors fourchette", drift: "dérive", stale_model: "modèle ancien", cash: "trésorerie", data_quality: "qualité des données", champion_refused: "modèle refusé", snapshot_refused: "actualisation refusée" },

  // what is missing
  reasonOfService: "La raison donnée par le service", notAllowed: "Cette clé ne donne pas accès à cette partie.", emptyOther: "Il n’y a encore rien à montrer ici.",
  empty: {
    figures: "Pas encore de chiffres clés\u00a0: ils viennent à la prochaine actualisation.", sales: "Pas de prévision des ventes\u00a0: il faut des achats avec date et montant, ou des totaux de ventes par semaine.",
    pipeline: "Pas de prévision des affaires\u00a0: il faut des affaires avec leur jour d’ouverture, dont certaines gagnées ou perdues.", cash: "Pas de prévision de trésorerie\u00a0: il faut des factures ou des achats, et au mieux les paiements prévus.",
    churn: "Pas de liste de clients à garder\u00a0: il faut des achats ou des abonnements par client, ou une colonne qui dit qui est parti.", leads: "Pas de liste de prospects\u00a0: il faut des contacts pas encore clients, et le sort des précédents.",
    invoices: "Pas de liste de factures\u00a0: il faut des factures ouvertes avec leur échéance.", deals: "Pas de liste d’affaires\u00a0: il faut des affaires ouvertes avec leur montant.",
    credits: "Pas de crédits\u00a0: il faut des contacts par personne et par canal, ou des parcours agrégés.", economics: "Pas de coûts ni de retours\u00a0: il faut les dépenses par canal, à côté des contacts et des achats.",
    segments: "Pas de valeurs client\u00a0: il faut des achats par client.", journeys: "Pas de parcours\u00a0: il faut des contacts par personne et par canal.", moves: "Pas de passages entre canaux\u00a0: il faut des achats avec leur canal.",
    retention: "Pas de fidélité\u00a0: il faut des achats par client, et le canal qui a amené chacun.", record: "Rien ne peut encore être jugé\u00a0: ce qui fut prévu doit d’abord advenir.",
    models: "Aucun modèle n’est encore en service.", card: "Ce modèle n’a pas de fiche.", drift: "Pas encore de comparaison\u00a0: elle vient à la prochaine actualisation.", alerts: "Pas encore d’alertes\u00a0: elles viennent à la prochaine actualisation.",
  },

  // what the data's own names mean
  names: {
    open_deals: "affaires ouvertes", new_deals: "nouvelles affaires", won: "gagnées", receivables: "factures ouvertes", new_invoices: "nouvelles factures", repeat_purchases: "réachats", planned: "éléments prévus", invoices: "factures payées", purchases: "achats",
    sales: "Ventes", pipeline: "Affaires", cash: "Trésorerie", receipts: "Encaissements", churn: "Départ", lead_scoring: "Note des prospects", clv: "Valeur client", attribution: "Attribution", deal_outcome: "Issue des affaires", payment_delay: "Délai de paiement",
    online: "en ligne", offline: "hors ligne", both: "les deux", dormant: "inactifs", mixed_started_online: "mixte, commencé en ligne", mixed_started_offline: "mixte, commencé hors ligne", later: "plus tard", "(other)": "autres", "(unknown)": "inconnu", "(no touch)": "sans contact",
  },
};
