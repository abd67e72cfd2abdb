namespace ShopMesh.Load.Journeys;

internal static class Searching
{
    /// <summary>A stem is not shorter; what is left of a word is not known here.</summary>
    private const int Stem = 3;

    public static async Task RunAsync(Visit visit)
    {
        var found = await FindAsync(visit);
        var product = found[KnownShop.Next(found.Count)];
        await Browsing.ProductAsync(visit, product.Id, product.Price.Amount);
    }

    /// <summary>A word or two of a product's name; half of the visitors want the cheapest first.</summary>
    public static async Task<IReadOnlyList<FoundProduct>> FindAsync(Visit visit)
    {
        var known = visit.Shop.AnySearchable();
        var words = known.Words;
        var first = KnownShop.Next(words.Count);
        string[] wanted = KnownShop.Next(2) == 0 || first + 1 == words.Count ? [words[first]] : [words[first], words[first + 1]];
        var byPrice = KnownShop.Next(2) == 0;
        var answer = await visit.GetAsync("search", $"/api/catalog/products?limit=20&query={string.Join('+', wanted.Select(Uri.EscapeDataString))}{(byPrice ? "&sort=price" : "")}", AnswerJson.Default.PageFoundProduct);
        var found = answer.Body.Items;
        answer.Check(found.Count is > 0 and <= 20, $"a search for '{string.Join(' ', wanted)}' finds {found.Count} products, though there is {known.Name}");
        foreach (var product in found)
        {
            foreach (var word in wanted)
                answer.Check(IsIn(word, product), $"a search for '{word}' finds {product.Name} ({product.Brand}: {product.Description})");
        }

        for (var i = 1; byPrice && i < found.Count; i++)
            answer.Check(found[i - 1].Price.Amount <= found[i].Price.Amount, $"by price, {found[i - 1].Price.Amount} comes before {found[i].Price.Amount}");
        return found;
    }

    private static bool IsIn(string word, FoundProduct product)
    {
        var stem = word.AsSpan(0, Stem);
        return product.Name.AsSpan().Contains(stem, StringComparison.OrdinalIgnoreCase)
            || product.Brand.AsSpan().Contains(stem, StringComparison.OrdinalIgnoreCase)
            || product.Description.AsSpan().Contains(stem, StringComparison.OrdinalIgnoreCase);
    }
}
