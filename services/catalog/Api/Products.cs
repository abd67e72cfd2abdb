using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using Npgsql;
using ShopMesh.Catalog.Data;

namespace ShopMesh.Catalog.Api;

internal static class Products
{
    public static void MapProducts(this WebApplication app)
    {
        var catalog = app.MapGroup("/api/catalog").WithTags("Catalog");
        catalog.MapGet("/categories", ListCategories).AllowAnonymous().WithSummary("Lists the categories");

        var products = catalog.MapGroup("/products");
        products.MapGet("/", List).AllowAnonymous().WithSummary("Browses and searches the products");
        products.MapGet("/{id}", Get).AllowAnonymous().WithSummary("Reads a product").Produces(StatusCodes.Status304NotModified);
        products.MapPost("/", Create).RequireAuthorization(Policies.Admin).WithSummary("Adds a product; it has no stock yet");
        products.MapPut("/{id}", Update).RequireAuthorization(Policies.Admin).WithSummary("Changes a product; honours If-Match").ProducesProblem(StatusCodes.Status412PreconditionFailed);
        products.MapDelete("/{id}", Delete).RequireAuthorization(Policies.Admin).WithSummary("Removes a product: it can no longer be ordered");
    }

    private static async Task<Ok<Page<ProductResponse>>> List(
        NpgsqlDataSource database,
        HttpContext http,
        CancellationToken cancellationToken,
        [Description("Words, or their beginnings, that the product has all of."), StringLength(200)] string? query = null,
        [Description("The id of a category."), StringLength(64)] string? category = null,
        [Description("`name`, `price`, `-price` or, with a query, `relevance`.")] string? sort = null,
        [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit,
        string? cursor = null)
    {
        var hasQuery = !string.IsNullOrWhiteSpace(query);
        var order = sort switch
        {
            null or "" => hasQuery ? ProductSort.Relevance : ProductSort.Name,
            "name" => ProductSort.Name,
            "price" => ProductSort.Price,
            "-price" => ProductSort.PriceDescending,
            "relevance" when hasQuery => ProductSort.Relevance,
            "relevance" => throw new InvalidFieldException("sort", "by relevance needs a query"),
            _ => throw new InvalidFieldException("sort", "must be name, price, -price or relevance"),
        };
        var search = new ProductSearch(hasQuery ? query : null, string.IsNullOrEmpty(category) ? null : category, order, limit, cursor);
        var page = await search.ReadAsync(database, cancellationToken);
        http.MayBeKept();
        return TypedResults.Ok(new Page<ProductResponse>([.. page.Items.Select(ProductResponse.From)], page.NextCursor));
    }

    private static async Task<Results<Ok<ProductResponse>, NotFound, StatusCodeHttpResult>> Get(string id, NpgsqlDataSource database, HttpContext http, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var key) || await database.FindProductAsync(key, cancellationToken) is not { } product)
            return TypedResults.NotFound();
        http.MayBeKept();
        return http.IsNotModified(ETagOf(product)) ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : TypedResults.Ok(ProductResponse.From(product));
    }

    private static async Task<Created<ProductResponse>> Create(ProductRequest request, CatalogContext context, TimeProvider time, HttpContext http, CancellationToken cancellationToken)
    {
        await RequireCategoryAsync(request.Category, context, cancellationToken);
        var product = new Product
        {
            Id = Guid.CreateVersion7(),
            Name = request.Name,
            Description = request.Description,
            CategoryId = request.Category,
            Brand = request.Brand,
            Price = request.Price.Amount,
            UpdatedAt = time.GetUtcMicroseconds(),
        };
        context.Add(product);
        await context.SaveChangesAsync(cancellationToken);
        http.Response.GetTypedHeaders().ETag = ETagOf(product);
        return TypedResults.Created($"/api/catalog/products/{product.Id}", ProductResponse.From(product));
    }

    private static async Task<Results<Ok<ProductResponse>, NotFound, ProblemHttpResult>> Update(
        string id, ProductRequest request, CatalogContext context, TimeProvider time, HttpContext http, CancellationToken cancellationToken)
    {
        await RequireCategoryAsync(request.Category, context, cancellationToken);
        if (!Guid.TryParse(id, out var key) || await context.Products.SingleOrDefaultAsync(p => p.Id == key, cancellationToken) is not { } product)
            return TypedResults.NotFound();
        if (!http.IfMatchAllows(ETagOf(product)))
            return Stale();

        product.Name = request.Name;
        product.Description = request.Description;
        product.CategoryId = request.Category;
        product.Brand = request.Brand;
        product.Price = request.Price.Amount;
        product.UpdatedAt = time.GetUtcMicroseconds();
        try
        {
            await context.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateConcurrencyException)
        {
            return Stale();
        }

        http.Response.GetTypedHeaders().ETag = ETagOf(product);
        return TypedResults.Ok(ProductResponse.From(product));

        static ProblemHttpResult Stale() => TypedResults.Problem("The product was changed meanwhile: read it again.", statusCode: StatusCodes.Status412PreconditionFailed);
    }

    private static async Task<Results<NoContent, NotFound>> Delete(string id, CatalogContext context, CancellationToken cancellationToken) =>
        Guid.TryParse(id, out var key) && await context.Products.Where(p => p.Id == key).ExecuteDeleteAsync(cancellationToken) > 0
            ? TypedResults.NoContent()
            : TypedResults.NotFound();

    private static async Task<Ok<CategoriesResponse>> ListCategories(CatalogContext context, HttpContext http, CancellationToken cancellationToken)
    {
        var categories = await context.Categories.OrderBy(c => c.Name)
            .Select(c => new CategoryResponse(c.Id, c.Name, c.ProductCount))
            .ToListAsync(cancellationToken);
        http.MayBeKept();
        return TypedResults.Ok(new CategoriesResponse(categories));
    }

    private static async Task RequireCategoryAsync(string category, CatalogContext context, CancellationToken cancellationToken)
    {
        if (!await context.Categories.AnyAsync(c => c.Id == category, cancellationToken))
            throw new InvalidFieldException("category", "is not the id of a category");
    }

    private static EntityTagHeaderValue ETagOf(Product product) => new($"\"{product.Version.ToString(CultureInfo.InvariantCulture)}\"");
}
