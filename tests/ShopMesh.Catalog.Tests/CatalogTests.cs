using System.Net;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Npgsql;
using Client = ShopMesh.Catalog.V1.Catalog.CatalogClient;

[assembly: AssemblyFixture(typeof(ShopMesh.Catalog.Tests.CatalogShop))]

namespace ShopMesh.Catalog.Tests;

public sealed class CatalogShop() : RunningShop("catalog", "inventory");

public sealed class CatalogTests(CatalogShop shop) : IAsyncLifetime
{
    private Client _catalog = null!;
    private Shopper _visitor = null!;

    public async ValueTask InitializeAsync() => (_catalog, _visitor) = (new(await shop.CallAsync("catalog")), Shopper.Visitor(shop.Gateway));

    public ValueTask DisposeAsync()
    {
        _visitor.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("name")]
    [InlineData("price")]
    [InlineData("-price")]
    public async Task Pages_neither_skip_nor_repeat_while_products_come_and_go(string sort)
    {
        var before = await AllAsync($"sort={sort}&limit=100");
        List<string> paged = [];
        await foreach (var page in _visitor.PagesAsync($"/api/catalog/products?category=books&sort={sort}&limit=3"))
        {
            paged.AddRange(page["items"]!.AsArray().Select(Id));
            await shop.NewProductAsync(0);
        }

        var books = before.Where(product => (string)product["category"]! == "books").Select(Id).ToList();
        Assert.True(books.Count > 6);
        Assert.Equal(books, paged);
    }

    [Fact]
    public async Task Products_are_sorted_as_asked()
    {
        var names = (await AllAsync("limit=50")).Select(product => (string)product["name"]!).ToList();
        var cheapFirst = (await AllAsync("limit=50&sort=price")).Select(product => product["price"]!.Amount()).ToList();
        var dearFirst = (await AllAsync("limit=50&sort=-price")).Select(product => product["price"]!.Amount()).ToList();

        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.Equal(cheapFirst.Order(), cheapFirst);
        Assert.Equal(dearFirst.OrderDescending(), dearFirst);
    }

    [Fact]
    public async Task A_search_finds_beginnings_of_words_and_ranks_names_first()
    {
        var word = $"q{Guid.NewGuid():N}"[..12];
        var inText = await CreateAsync(new { name = "Something", description = $"Goes well with {word}ish things.", category = "games", brand = "Tests", price = new { amount = "1.00", currency = "EUR" } });
        var inName = await CreateAsync(new { name = $"The {word} lamp", description = "A lamp.", category = "games", brand = "Tests", price = new { amount = "1.00", currency = "EUR" } });

        Assert.Equal([inName, inText], (await AllAsync($"query={word}")).Select(Id));
        Assert.Equal([inName], (await AllAsync($"query={word}%20lamp")).Select(Id));
        Assert.Empty(await AllAsync($"query={word}&category=books"));
        Assert.Equal([inName], (await AllAsync($"query=%20%20{word.ToUpperInvariant()}%20LAMP%27%20%26%20%7C%20%21%3A%2A")).Select(Id));
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=101")]
    [InlineData("limit=abc")]
    [InlineData("sort=colour")]
    [InlineData("sort=relevance")]
    [InlineData("cursor=nonsense")]
    public async Task A_list_that_makes_no_sense_is_400(string query)
    {
        using var response = await _visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products?{query}");

        await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("name", "")]
    [InlineData("name", null)]
    [InlineData("category", "no-such-category")]
    [InlineData("price", null)]
    [InlineData("price.amount", "-1.00")]
    [InlineData("price.amount", "1.005")]
    [InlineData("price.amount", "a lot")]
    [InlineData("price.currency", "USD")]
    public async Task A_product_that_makes_no_sense_is_400_field_by_field(string field, string? value)
    {
        var product = JsonNode.Parse("""{"name": "A", "description": "B", "category": "games", "brand": "C", "price": {"amount": "1.00", "currency": "EUR"}}""")!;
        var path = field.Split('.');
        (path.Length == 1 ? product : product[path[0]])![path[^1]] = value;

        using var response = await shop.Admin.PostAsync("/api/catalog/products", product.ToJsonString());

        var problem = await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
        Assert.Contains(problem["errors"]!.AsObject(), error => error.Key.StartsWith(path[0], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_picture_is_well_formed_its_own_and_has_no_script()
    {
        var products = await AllAsync("limit=100");

        var pictures = await Task.WhenAll(products.Select(async product => await _visitor.Http.GetStringAsync((string)product["imageUrl"]!, TestContext.Current.CancellationToken)));

        Assert.Equal(products.Count, pictures.Distinct().Count());
        Assert.All(pictures, picture =>
        {
            var svg = XDocument.Parse(picture);
            Assert.Equal("svg", svg.Root!.Name.LocalName);
            Assert.DoesNotContain(svg.Descendants(), element => element.Name.LocalName is "script" or "foreignObject" or "image");
        });
    }

    [Fact]
    public async Task Of_two_edits_of_one_version_the_second_is_told()
    {
        var id = await CreateAsync(RunningShop.AProduct("First"));
        using var read = await _visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{id}");
        var version = read.Headers.ETag!.ToString();

        var edits = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => shop.Admin.PutAsync($"/api/catalog/products/{id}", RunningShop.AProduct($"Edit {i}"), ("If-Match", version))));

        Assert.Equal(1, edits.Count(edit => edit.StatusCode is HttpStatusCode.OK));
        Assert.Equal(7, edits.Count(edit => edit.StatusCode is HttpStatusCode.PreconditionFailed));
    }

    [Fact]
    public async Task A_category_counts_its_products_as_they_come_move_and_go()
    {
        var before = await CountsAsync();
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => CreateAsync(RunningShop.AProduct($"Counted {i}"))));
        await Task.WhenAll(ids[..4].Select(async id =>
        {
            using var moved = await shop.Admin.PutAsync($"/api/catalog/products/{id}", new { name = "Moved", description = "", category = "books", brand = "Tests", price = new { amount = "1.00", currency = "EUR" } });
            Assert.Equal(HttpStatusCode.OK, moved.StatusCode);
        }));
        await Task.WhenAll(ids[3..6].Select(async id => (await shop.Admin.SendAsync(HttpMethod.Delete, $"/api/catalog/products/{id}")).Dispose()));

        var counted = await CountsAsync();
        Assert.Equal(counted.Rows, counted.Kept);
        Assert.Equal((before.Kept["books"] + 3, before.Kept["games"] + 2), (counted.Kept["books"], counted.Kept["games"]));
    }

    [Fact]
    public async Task Services_get_what_is_sold_in_the_order_they_ask()
    {
        var (sold, gone) = (await CreateAsync(RunningShop.AProduct("Sold", "12.34")), await CreateAsync(RunningShop.AProduct("Gone")));
        using var deleted = await shop.Admin.SendAsync(HttpMethod.Delete, $"/api/catalog/products/{gone}");

        var products = (await _catalog.GetProductsAsync(new() { Ids = { gone, "nonsense", sold } })).Products;

        var product = Assert.Single(products);
        Assert.Equal((sold, "Sold", 1234, "EUR"), (product.Id, product.Name, product.Price.MinorUnits, product.Price.CurrencyCode));
    }

    /// <summary>By category: what the database has kept count of, and how many there are.</summary>
    private async Task<(Dictionary<string, int> Kept, Dictionary<string, int> Rows)> CountsAsync()
    {
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("catalog"));
        await using var command = database.CreateCommand("SELECT id, product_count, (SELECT count(*)::int FROM products WHERE category_id = categories.id) FROM categories");
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var (kept, rows) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            (kept[reader.GetString(0)], rows[reader.GetString(0)]) = (reader.GetInt32(1), reader.GetInt32(2));
        return (kept, rows);
    }

    private async Task<string> CreateAsync(object product)
    {
        using var created = await shop.Admin.PostAsync("/api/catalog/products", product);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        return Id(await created.ReadAsync());
    }

    private static string Id(JsonNode? product) => (string)product!["id"]!;

    private Task<List<JsonNode>> AllAsync(string query) => _visitor.AllAsync($"/api/catalog/products?{query}");
}
