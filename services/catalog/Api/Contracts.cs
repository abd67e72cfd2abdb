using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using ShopMesh.Catalog.Data;

namespace ShopMesh.Catalog.Api;

public sealed record ProductRequest(
    [property: Required, StringLength(200)] string Name,
    [property: Required(AllowEmptyStrings = true), StringLength(4000)] string Description,
    [property: Required, StringLength(64), Description("The id of a category.")] string Category,
    [property: Required, StringLength(100)] string Brand,
    [property: Price] Money Price);

internal sealed record ProductResponse(
    string Id, string Name, string Description, string Category, string Brand, Money Price, string ImageUrl, DateTimeOffset UpdatedAt)
{
    public static ProductResponse From(Product product) => new(
        product.Id.ToString(), product.Name, product.Description, product.CategoryId, product.Brand, new(product.Price), ProductPictures.PathOf(product.Id), product.UpdatedAt);
}

internal sealed record CategoryResponse(string Id, string Name, int ProductCount);

internal sealed record CategoriesResponse(IReadOnlyList<CategoryResponse> Items);

[AttributeUsage(AttributeTargets.Property)]
public sealed class PriceAttribute() : ValidationAttribute("The {0} must be from 0.01 to 100000.00.")
{
    public override bool IsValid(object? value) => value is Money { Amount: >= 0.01m and <= 100_000m };
}

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProductRequest))]
[JsonSerializable(typeof(ProductResponse))]
[JsonSerializable(typeof(Page<ProductResponse>))]
[JsonSerializable(typeof(CategoriesResponse))]
internal sealed partial class CatalogJson : JsonSerializerContext;
