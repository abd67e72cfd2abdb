using System.Text.Json;

namespace ShopMesh.Load;

/// <summary>A product as it was before the load began.</summary>
internal sealed record KnownProduct(string Id, string Name, decimal Price)
{
    private static readonly HashSet<string> NotSearchedFor =
        new(["after", "before", "between", "both", "down", "from", "into", "more", "most", "only", "over", "same", "that", "this", "through", "under", "very", "with", "your"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What it is searched by: words of its name that every search takes for words.</summary>
    public IReadOnlyList<string> Words { get; } = [.. Name.Split(' ').Where(word => word.Length >= 4 && word.All(char.IsAsciiLetter) && !NotSearchedFor.Contains(word))];
}

/// <summary>
/// What a visitor knows of a shop before the load begins: products and their prices, where its pages begin, and what shipping costs.
/// It is taken for true: prices must not change while a load goes on.
/// </summary>
public sealed class KnownShop
{
    /// <summary>Products that a load gets to know, unless it is told otherwise.</summary>
    public const int DefaultProducts = 1_000;

    private const int PageSize = 20;

    private readonly List<KnownProduct> _products = [];
    private readonly Dictionary<string, KnownProduct> _byId = [];
    private readonly List<KnownProduct> _searchable = [];
    private readonly List<string> _cursors = [""];

    private KnownShop()
    {
    }

    /// <summary>How many are known.</summary>
    public int Products => _products.Count;

    /// <summary>What <c>standard</c> shipping costs; null when nobody told.</summary>
    internal decimal? Shipping { get; private init; }

    internal bool IsSearchable => _searchable.Count > 0;

    /// <param name="products">How many products to know: 1 makes one that is hot; the more, the less a cache helps.</param>
    /// <exception cref="LoadException">The shop does not answer, or sells nothing.</exception>
    public static async Task<KnownShop> ReadAsync(Uri gateway, int products = DefaultProducts, CancellationToken cancellationToken = default)
    {
        using var http = new HttpClient { BaseAddress = gateway };
        try
        {
            var shop = new KnownShop { Shipping = await ReadShippingAsync(http, cancellationToken) };
            for (string? cursor = ""; cursor is not null && shop.Products < products;)
            {
                // The first thousand a page at a time as visitors see them, and the rest faster.
                var limit = shop.Products < DefaultProducts ? PageSize : 100;
                var page = await ReadAsync(http, $"/api/catalog/products?limit={limit}&cursor={Uri.EscapeDataString(cursor)}", AnswerJson.Default.PageListedProduct, cancellationToken);
                foreach (var product in page.Items.Take(products - shop.Products).Select(item => new KnownProduct(item.Id, item.Name, item.Price.Amount)))
                {
                    shop._products.Add(product);
                    shop._byId[product.Id] = product;
                    if (product.Words.Count > 0)
                        shop._searchable.Add(product);
                }

                cursor = page.NextCursor;
                if (cursor is not null && shop.Products < products)
                    shop._cursors.Add(cursor);
            }

            return shop.Products > 0 ? shop : throw new LoadException("The shop has no products to load it with.");
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            throw new LoadException($"{gateway} does not answer as a shop does: {e.Message}", e);
        }
    }

    internal string AnyCursor() => _cursors[Next(_cursors.Count)];

    internal KnownProduct AnyProduct() => _products[Next(_products.Count)];

    internal KnownProduct AnySearchable() => _searchable[Next(_searchable.Count)];

    internal KnownProduct Find(string id) => _byId[id];

    /// <returns>Null for one that the visitors never heard of.</returns>
    internal decimal? PriceOf(string id) => _byId.GetValueOrDefault(id)?.Price;

#pragma warning disable CA5394 // Nothing here is secret.
    internal static int Next(int below) => Random.Shared.Next(below);
#pragma warning restore CA5394

    private static async Task<decimal?> ReadShippingAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            return (await ReadAsync(http, "/api/shipping/options?country=PT", AnswerJson.Default.PageShippingOption, cancellationToken)).Items.FirstOrDefault(option => option.Id == "standard")?.Price.Amount;
        }
        catch (HttpRequestException)
        {
            // A catalog alone can be loaded, too.
            return null;
        }
    }

    private static async Task<T> ReadAsync<T>(HttpClient http, string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        JsonSerializer.Deserialize(await http.GetByteArrayAsync(path, cancellationToken), type) ?? throw new JsonException($"{path} is null.");
}
